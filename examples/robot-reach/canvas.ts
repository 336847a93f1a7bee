// A picture in memory with the few shapes that the maps need. Edges are smoothed: a shape is drawn by
// its distance to each pixel's centre.

import { glyphColumns, glyphHeight, textWidth } from "./font.ts";

export type Colour = readonly [red: number, green: number, blue: number];
export type Point = readonly [x: number, y: number];
export type Paint = { readonly colour: Colour; readonly opacity?: number };
export type Align = "left" | "center" | "right";
/** A thick line with round ends; a disc if both are one point. */
export type Rod = { readonly from: Point; readonly to: Point; readonly radius: number };

export type Canvas = ReturnType<typeof createCanvas>;

export function createCanvas(width: number, height: number, background: Colour) {
  const pixels = new Uint8Array(width * height * 3);
  let clip = { from: [0, 0] as Point, to: [width, height] as Point };

  const blend = (x: number, y: number, [red, green, blue]: Colour, opacity: number) => {
    const at = (y * width + x) * 3;
    pixels[at] = Math.round(pixels[at]! + (red - pixels[at]!) * opacity);
    pixels[at + 1] = Math.round(pixels[at + 1]! + (green - pixels[at + 1]!) * opacity);
    pixels[at + 2] = Math.round(pixels[at + 2]! + (blue - pixels[at + 2]!) * opacity);
  };

  /** Paints where the distance is negative, within a frame around the given points. */
  const paint = (
    points: readonly Point[],
    around: number,
    distanceAt: (x: number, y: number) => number,
    { colour, opacity = 1 }: Paint,
  ) => {
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const fromX = Math.max(clip.from[0], Math.floor(Math.min(...xs) - around - 1));
    const fromY = Math.max(clip.from[1], Math.floor(Math.min(...ys) - around - 1));
    const toX = Math.min(clip.to[0], Math.ceil(Math.max(...xs) + around + 1));
    const toY = Math.min(clip.to[1], Math.ceil(Math.max(...ys) + around + 1));
    for (let y = fromY; y < toY; y++) {
      for (let x = fromX; x < toX; x++) {
        const covered = Math.min(Math.max(0.5 - distanceAt(x + 0.5, y + 0.5), 0), 1);
        if (covered > 0) blend(x, y, colour, covered * opacity);
      }
    }
  };

  const rectangle = ([left, top]: Point, [across, down]: Point, how: Paint) => {
    for (let y = Math.max(top, clip.from[1]); y < Math.min(top + down, clip.to[1]); y++) {
      for (let x = Math.max(left, clip.from[0]); x < Math.min(left + across, clip.to[0]); x++) {
        blend(x, y, how.colour, how.opacity ?? 1);
      }
    }
  };

  const polygon = (corners: readonly Point[], how: Paint) =>
    paint(corners, 0, (x, y) => toPolygon(corners, x, y), how);

  const polygonOutline = (corners: readonly Point[], thickness: number, how: Paint) =>
    paint(corners, thickness, (x, y) => Math.abs(toPolygon(corners, x, y)) - thickness / 2, how);

  /** All rods as one shape, without seams where they overlap. */
  const rods = (all: readonly Rod[], how: Paint) =>
    paint(endsOf(all), radiusMax(all), (x, y) => toRods(all, x, y), how);

  const rodsOutline = (all: readonly Rod[], thickness: number, how: Paint) =>
    paint(
      endsOf(all),
      radiusMax(all) + thickness,
      (x, y) => Math.abs(toRods(all, x, y)) - thickness / 2,
      how,
    );

  /** One line of text; `at` is its upper left, middle or right point. A dot is `size` pixels. */
  const text = (words: string, at: Point, size: number, how: Paint, align: Align = "left") => {
    const shift = { left: 0, center: 0.5, right: 1 }[align] * textWidth(words) * size;
    let x = Math.round(at[0] - shift);
    for (const character of words) {
      for (const column of glyphColumns(character)) {
        for (let dot = 0; dot < glyphHeight; dot++) {
          if (((column >> dot) & 1) === 1) rectangle([x, at[1] + dot * size], [size, size], how);
        }
        x += size;
      }
      x += size;
    }
  };

  /** Whatever `draw` draws stays within the rectangle. */
  const within = (from: Point, size: Point, draw: () => void) => {
    const before = clip;
    clip = { from, to: [from[0] + size[0], from[1] + size[1]] };
    draw();
    clip = before;
  };

  rectangle([0, 0], [width, height], { colour: background });
  return {
    width,
    height,
    pixels,
    rectangle,
    polygon,
    polygonOutline,
    rods,
    rodsOutline,
    text,
    within,
  };
}

const endsOf = (rods: readonly Rod[]): readonly Point[] =>
  rods.flatMap(({ from, to }) => [from, to]);
const radiusMax = (rods: readonly Rod[]): number => Math.max(...rods.map(({ radius }) => radius));

const toRods = (rods: readonly Rod[], x: number, y: number): number =>
  Math.min(...rods.map(({ from, to, radius }) => toSegment(from, to, x, y) - radius));

/** Negative inside the polygon. */
function toPolygon(corners: readonly Point[], x: number, y: number): number {
  let isInside = false;
  let nearest = Infinity;
  for (const [index, from] of corners.entries()) {
    const to = corners[(index + 1) % corners.length]!;
    const crosses = from[1] > y !== to[1] > y;
    const crossing = from[0] + ((y - from[1]) / (to[1] - from[1])) * (to[0] - from[0]);
    if (crosses && x < crossing) isInside = !isInside;
    nearest = Math.min(nearest, toSegment(from, to, x, y));
  }
  return isInside ? -nearest : nearest;
}

function toSegment(from: Point, to: Point, x: number, y: number): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const squared = dx * dx + dy * dy;
  const share = squared === 0 ? 0 : ((x - from[0]) * dx + (y - from[1]) * dy) / squared;
  const on = Math.min(Math.max(share, 0), 1);
  return Math.hypot(x - from[0] - on * dx, y - from[1] - on * dy);
}
