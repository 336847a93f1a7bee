// The scene drawn over a map: obstacles as outlines with their names, the arm as a silhouette.

import type { Canvas, Point } from "./canvas.ts";
import { linkCapsules } from "./collision.ts";
import { textWidth } from "./font.ts";
import { workspace } from "./grid.ts";
import type { Joints } from "./kinematics.ts";
import { depthAxisOf, mapSize, type Analysis, type Map } from "./map.ts";
import { background, ink } from "./palette.ts";
import type { Box } from "./scene.ts";
import { add, scale, type Vector } from "./vectors.ts";

type Project = (point: Vector) => Point;
type Label = { readonly name: string; readonly at: Vector };

/** For the drawing alone: the elbow up, the tool pointing down in front of the arm. */
const posture: Joints = [2.75, -1.25, 1.6, -1.92, -1.57, 0];
const labelSize = 2;

export function drawOutlines(canvas: Canvas, { grid, scene }: Analysis, map: Map): void {
  const pixelsPerMetre = map.cellSize / grid.edge;
  const bottom = map.corner[1] + mapSize(grid, map)[1];
  const project: Project = (point) => [
    map.corner[0] + (point[map.across] - workspace.low[map.across]) * pixelsPerMetre,
    bottom - (point[map.up] - workspace.low[map.up]) * pixelsPerMetre,
  ];
  const isShown = (...corners: readonly Vector[]) => {
    const depths = corners.map((corner) => corner[depthAxisOf(map)]);
    return Math.max(...depths) >= map.depth[0] && Math.min(...depths) <= map.depth[1];
  };
  const rod = (from: Vector, to: Vector, radius: number) => ({
    from: project(from),
    to: project(to),
    radius: radius * pixelsPerMetre,
  });
  const thickness = map.kind === "full" ? 2 : 1.5;
  const edge = { colour: ink, opacity: 0.9 };
  const inside = { colour: ink, opacity: 0.08 };

  for (const box of scene.boxes) {
    if (!isShown(...cornersOf(box))) continue;
    const outline = boxOutline(box, map).map(project);
    canvas.polygon(outline, inside);
    canvas.polygonOutline(outline, thickness, edge);
  }
  const balls = scene.spheres.map(({ center, radius }) => ({ from: center, to: center, radius }));
  for (const { from, to, radius } of [...balls, ...scene.capsules]) {
    const around: Vector = [radius, radius, radius];
    const ends = [from, to].flatMap((end) => [add(end, around), add(end, scale(around, -1))]);
    if (!isShown(...ends)) continue;
    canvas.rods([rod(from, to, radius)], inside);
    canvas.rodsOutline([rod(from, to, radius)], thickness, edge);
  }
  if (map.kind === "small") return;

  const arm = linkCapsules(posture, scene.tool).map((link) => rod(link.from, link.to, link.radius));
  canvas.rods(arm, { colour: background, opacity: 0.3 });
  canvas.rodsOutline(arm, 1.5, { colour: background, opacity: 0.8 });
  drawLabels(canvas, project, [
    ...scene.boxes.map(({ name, center }) => ({ name, at: center })),
    ...scene.spheres.map(({ name, center }) => ({ name, at: center })),
    ...scene.capsules.map(({ name, from, to }) => ({ name, at: scale(add(from, to), 0.5) })),
  ]);
}

/** Each name once, and none over another: what comes first stays. */
function drawLabels(canvas: Canvas, project: Project, labels: readonly Label[]): void {
  const placed: { readonly name: string; readonly at: Point; readonly half: number }[] = [];
  for (const { name, at } of labels) {
    const [x, y] = project(at).map(Math.round) as [number, number];
    const half = (textWidth(name) * labelSize) / 2 + 4;
    const isTaken = placed.some(
      (other) =>
        other.name === name ||
        (Math.abs(other.at[0] - x) < other.half + half && Math.abs(other.at[1] - y) < 22),
    );
    if (isTaken) continue;
    placed.push({ name, at: [x, y], half });
    canvas.rectangle([x - Math.round(half), y - 10], [2 * Math.round(half), 20], {
      colour: background,
      opacity: 0.55,
    });
    canvas.text(name, [x, y - 7], labelSize, { colour: ink }, "center");
  }
}

/** The box's corners, the lower four first, each four in turn around it. */
function cornersOf({ center, size, yaw }: Box): readonly Vector[] {
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  const signs = [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ] as const;
  return [-0.5, 0.5].flatMap((up) =>
    signs.map(([signX, signY]): Vector => {
      const [x, y] = [(signX * size[0]) / 2, (signY * size[1]) / 2];
      return add(center, [c * x - s * y, s * x + c * y, up * size[2]]);
    }),
  );
}

/** The box as the map sees it: itself from above, the rectangle of its shadow from a side. */
function boxOutline(box: Box, { across, up }: Map): readonly Vector[] {
  const corners = cornersOf(box);
  if (up !== 2) return corners.slice(0, 4);
  const sides = corners.map((corner) => corner[across]);
  const at = (side: number, height: number): Vector => {
    const point: [number, number, number] = [...box.center];
    point[across] = side;
    point[up] = box.center[up] + height;
    return point;
  };
  const [left, right, half] = [Math.min(...sides), Math.max(...sides), box.size[up] / 2];
  return [at(left, -half), at(right, -half), at(right, half), at(left, half)];
}
