// The two stages of the analysis, each a pure function of its payload and the scene.

import { isFree } from "./collision.ts";
import {
  decodeCell,
  decodeSamples,
  encodeCounts,
  encodeSamples,
  type Cell,
  type Counts,
  type Reached,
  type Samples,
  type ToolPose,
} from "./formats.ts";
import { inverse } from "./kinematics.ts";
import type { Scene } from "./scene.ts";
import { compose, fromQuaternion, type Transform } from "./vectors.ts";

export type Stage = (payload: Uint8Array, scene: Scene) => Uint8Array<ArrayBuffer>;

/** By job type: what a worker does with a payload. */
export const stages: { readonly [type: string]: Stage } = {
  sample: (payload, scene) => encodeSamples(sampleCell(decodeCell(payload), scene)),
  collide: (payload, scene) =>
    new TextEncoder().encode(encodeCounts(countFree(decodeSamples(payload), scene))),
};

/** Draws tool poses in a cell and keeps those that the arm can take, with all its solutions. */
export function sampleCell({ cell, low, high, poses, seed }: Cell, scene: Scene): Samples {
  const draw = createDraw(seed);
  const toFlange: Transform = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -scene.tool.length];
  const reached: Reached[] = [];
  for (let index = 0; index < poses; index++) {
    const pose = drawPose(low, high, draw);
    const [x, y, z, ...turn] = pose;
    const flange = compose(fromQuaternion([x, y, z], turn), toFlange);
    const solutions = inverse(flange, scene.limits);
    if (solutions.length > 0) reached.push({ pose, solutions });
  }
  return { cell, poses, reached };
}

/** Counts the poses of a cell that at least one solution reaches without collision. */
export function countFree({ cell, poses, reached }: Samples, scene: Scene): Counts {
  const freeOf = reached.map(({ solutions }) => solutions.filter((s) => isFree(s, scene)).length);
  return {
    cell,
    poses,
    reachable: reached.length,
    free: freeOf.filter((count) => count > 0).length,
    solutions: reached.reduce((sum, { solutions }) => sum + solutions.length, 0),
    freeSolutions: freeOf.reduce((sum, count) => sum + count, 0),
  };
}

/** A tip anywhere in the cell, turned in any way; every turn equally likely (Shoemake, 1992). */
function drawPose(low: Cell["low"], high: Cell["high"], draw: () => number): ToolPose {
  const place = (axis: 0 | 1 | 2) => low[axis] + (high[axis] - low[axis]) * draw();
  const [x, y, z] = [place(0), place(1), place(2)];
  const [share, first, second] = [draw(), 2 * Math.PI * draw(), 2 * Math.PI * draw()];
  const [a, b] = [Math.sqrt(1 - share), Math.sqrt(share)];
  return [
    x,
    y,
    z,
    a * Math.sin(first),
    a * Math.cos(first),
    b * Math.sin(second),
    b * Math.cos(second),
  ];
}

/** Numbers in [0, 1) that a seed alone decides (mulberry32), so that a job run twice gives the same. */
function createDraw(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
