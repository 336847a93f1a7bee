// Whether the arm, taken as capsules, touches itself, the table or anything of the scene.

import { pointToSegment, segmentToBounds, segmentToSegment, type Segment } from "./distances.ts";
import { forward, ur5, type Joints } from "./kinematics.ts";
import type { Box, Scene, Tool } from "./scene.ts";
import { add, column, distance, dot, originOf, scale, subtract, type Vector } from "./vectors.ts";

export type Capsule = Segment & { readonly radius: number };

/** The arm's capsules in the order of `linkCapsules`. */
export const linkNames = [
  "base",
  "shoulder",
  "upper arm",
  "elbow",
  "forearm",
  "wrist 1",
  "wrist 2",
  "wrist 3",
  "tool",
] as const;

/** The upper arm runs beside the joints' plane, the forearm nearer to it; in metres. */
const upperArmAside = 0.136;
const forearmAside = 0.0165;
const radii = [0.075, 0.065, 0.058, 0.055, 0.048, 0.042, 0.042, 0.04] as const;

/** By link: the later links that it can meet. All others are neighbours or out of one another's way. */
const partners: readonly (readonly number[])[] = [
  [4, 5, 6, 7, 8],
  [4, 5, 6, 7, 8],
  [5, 6, 7, 8],
  [8],
  [7, 8],
  [8],
];

/** The arm as capsules, seen from its base. */
export function linkCapsules(joints: Joints, tool: Tool): readonly Capsule[] {
  const frames = forward(joints);
  const [shoulder, elbow, wrist1, wrist2, wrist3, flange] = frames.map(originOf) as [
    Vector,
    Vector,
    Vector,
    Vector,
    Vector,
    Vector,
  ];
  // The axes of joints 2, 3 and 4 are parallel: one direction says "aside" for all of them.
  const aside = column(frames[0]!, 2);
  const upperFrom = add(shoulder, scale(aside, upperArmAside));
  const upperTo = add(elbow, scale(aside, upperArmAside));
  const forearmFrom = add(elbow, scale(aside, forearmAside));
  const forearmTo = add(wrist1, scale(aside, forearmAside));
  const tip = add(flange, scale(column(frames[5]!, 2), tool.length));
  const base: Vector = [0, 0, 0];
  return [
    { from: base, to: [0, 0, ur5.d[0]], radius: radii[0] },
    { from: shoulder, to: upperFrom, radius: radii[1] },
    { from: upperFrom, to: upperTo, radius: radii[2] },
    { from: upperTo, to: forearmFrom, radius: radii[3] },
    { from: forearmFrom, to: forearmTo, radius: radii[4] },
    { from: forearmTo, to: wrist2, radius: radii[5] },
    { from: wrist2, to: wrist3, radius: radii[6] },
    { from: wrist3, to: flange, radius: radii[7] },
    { from: flange, to: tip, radius: tool.radius },
  ];
}

/** True if the arm keeps its clearance from itself, the table and everything in the scene. */
export function isFree(joints: Joints, scene: Scene): boolean {
  const links = linkCapsules(joints, scene.tool);
  return clearsTable(links, scene) && clearsScene(links, scene) && clearsItself(links, scene);
}

/** The table is everything below z = 0. The base stands on it, so that its capsule is left out. */
function clearsTable(links: readonly Capsule[], { clearance }: Scene): boolean {
  return links
    .slice(1)
    .every((link) => Math.min(link.from[2], link.to[2]) - link.radius >= clearance);
}

function clearsScene(links: readonly Capsule[], scene: Scene): boolean {
  return links.every((link) => {
    const ball = ballAround(link);
    const reach = link.radius + scene.clearance;
    return (
      scene.boxes.every(
        (box) =>
          isBeyond(ball, { center: box.center, radius: halfDiagonal(box) }, reach) ||
          boxDistance(link, box) >= reach,
      ) &&
      scene.spheres.every(({ center, radius }) => pointToSegment(center, link) >= reach + radius) &&
      scene.capsules.every(
        (rod) =>
          isBeyond(ball, ballAround(rod), reach + rod.radius) ||
          segmentToSegment(rod, link) >= reach + rod.radius,
      )
    );
  });
}

function clearsItself(links: readonly Capsule[], { clearance }: Scene): boolean {
  const balls = links.map(ballAround);
  return partners.every((others, index) =>
    others.every((other) => {
      const reach = links[index]!.radius + links[other]!.radius + clearance;
      return (
        isBeyond(balls[index]!, balls[other]!, reach) ||
        segmentToSegment(links[index]!, links[other]!) >= reach
      );
    }),
  );
}

/** Most pairs are far apart: balls around them tell so at a fraction of the cost. */
type Ball = { readonly center: Vector; readonly radius: number };

function isBeyond(one: Ball, other: Ball, reach: number): boolean {
  const between = subtract(one.center, other.center);
  const together = one.radius + other.radius + reach;
  return dot(between, between) > together * together;
}

const ballAround = ({ from, to }: Segment): Ball => ({
  center: scale(add(from, to), 0.5),
  radius: distance(from, to) / 2,
});

const halfDiagonal = ({ size }: Box): number => Math.sqrt(dot(size, size)) / 2;

/** In the box's own frame it is axis-aligned about the origin. */
export function boxDistance(segment: Segment, { center, size, yaw }: Box): number {
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  const inside = (point: Vector): Vector => {
    const [x, y] = [point[0] - center[0], point[1] - center[1]];
    return [c * x + s * y, c * y - s * x, point[2] - center[2]];
  };
  const own = { from: inside(segment.from), to: inside(segment.to) };
  return segmentToBounds(own, { low: scale(size, -0.5), high: scale(size, 0.5) });
}
