// One map of the picture: the cells behind each square summed up and coloured, axes, and the outlines
// of what stands in the part of the workspace that the map shows.

import type { Canvas, Colour, Point } from "./canvas.ts";
import type { Counts } from "./formats.ts";
import { cellIndex, workspace, type Grid } from "./grid.ts";
import { drawOutlines } from "./outlines.ts";
import { alwaysCollides, dim, ink, panel, rampAt } from "./palette.ts";
import type { Scene } from "./scene.ts";

export type Axis = 0 | 1 | 2;

export type Analysis = {
  readonly grid: Grid;
  /** By cell number. */
  readonly counts: readonly Counts[];
  readonly scene: Scene;
};

export type Map = {
  readonly title: string;
  readonly across: Axis;
  readonly up: Axis;
  /** What of the third axis the map shows, in metres. */
  readonly depth: readonly [from: number, to: number];
  readonly corner: Point;
  /** Pixels of one cell. */
  readonly cellSize: number;
  /** A full map has the arm, names and both axes' numbers; a small one has less room. */
  readonly kind: "full" | "small";
};

export const axisNames = ["x", "y", "z"] as const;

/** Pixels from a map's title to its squares. */
export const titleHeight = 26;
/** Smaller squares have no room for a line between them. */
const seamedCellSizeMin = 8;

export const mapSize = ({ counts }: Grid, { across, up, cellSize }: Map): Point => [
  counts[across] * cellSize,
  counts[up] * cellSize,
];

export const depthAxisOf = ({ across, up }: Map): Axis => (3 - across - up) as Axis;

export function drawMap(canvas: Canvas, analysis: Analysis, map: Map): void {
  const size = mapSize(analysis.grid, map);
  canvas.text(map.title, [map.corner[0], map.corner[1] - titleHeight], 2, { colour: ink });
  canvas.rectangle(map.corner, size, { colour: panel });
  drawSquares(canvas, analysis, map);
  canvas.within(map.corner, size, () => drawOutlines(canvas, analysis, map));
  drawAxes(canvas, analysis.grid, map);
}

function drawSquares(canvas: Canvas, analysis: Analysis, map: Map): void {
  const { counts } = analysis.grid;
  const { cellSize, corner } = map;
  const side = cellSize - (cellSize >= seamedCellSizeMin ? 1 : 0);
  for (let column = 0; column < counts[map.across]; column++) {
    for (let row = 0; row < counts[map.up]; row++) {
      const colour = squareColour(analysis, map, column, row);
      const fromTop = counts[map.up] - 1 - row;
      const at: Point = [corner[0] + column * cellSize, corner[1] + fromTop * cellSize];
      canvas.rectangle(at, [side, side], { colour });
    }
  }
}

function squareColour(analysis: Analysis, map: Map, column: number, row: number): Colour {
  const { grid, counts } = analysis;
  const depthAxis = depthAxisOf(map);
  let [poses, reachable, free] = [0, 0, 0];
  for (let layer = 0; layer < grid.counts[depthAxis]; layer++) {
    const middle = workspace.low[depthAxis] + (layer + 0.5) * grid.edge;
    if (middle < map.depth[0] || middle > map.depth[1]) continue;
    const place: [number, number, number] = [0, 0, 0];
    place[map.across] = column;
    place[map.up] = row;
    place[depthAxis] = layer;
    const cell = counts[cellIndex(grid, ...place)]!;
    poses += cell.poses;
    reachable += cell.reachable;
    free += cell.free;
  }
  if (reachable === 0) return panel;
  return free === 0 ? alwaysCollides : rampAt(free / poses);
}

function drawAxes(canvas: Canvas, grid: Grid, map: Map): void {
  const { across, up, corner, kind } = map;
  const [width, height] = mapSize(grid, map);
  const pixelsPerMetre = map.cellSize / grid.edge;
  const bottom = corner[1] + height;
  const step = kind === "full" ? 0.5 : 1;
  const how = { colour: dim };
  for (let at = workspace.low[across]; ; at += step) {
    const x = Math.round((at - workspace.low[across]) * pixelsPerMetre);
    if (x > width) break;
    canvas.rectangle([corner[0] + Math.min(x, width - 1), bottom], [1, 5], how);
    canvas.text(signed(at), [corner[0] + x, bottom + 10], 2, how, "center");
  }
  for (let at = workspace.low[up]; ; at += step) {
    const y = Math.round((at - workspace.low[up]) * pixelsPerMetre);
    if (y > height) break;
    canvas.rectangle([corner[0] - 6, bottom - Math.max(y, 1)], [5, 1], how);
    if (kind === "small") continue;
    canvas.text(signed(at), [corner[0] - 11, bottom - y - 7], 2, how, "right");
  }
  if (kind === "small") return;
  const label = `${axisNames[across]} across, ${axisNames[up]} up, in metres`;
  canvas.text(label, [corner[0] + width / 2, bottom + 36], 2, how, "center");
}

const signed = (value: number): string => String(value).replace("-", "–");
