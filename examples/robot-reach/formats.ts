// What the jobs carry. A cell is JSON, so that a person can write one; the sampled poses are binary,
// because they are many; the counts are JSON again. README.md has the same in words.
//
// Samples, all little-endian, every field four bytes:
//   "RRS1" · u32 cell · u32 poses tried · u32 poses that follow, each:
//   7 × f32 x y z and the quaternion x y z w of the tool · u32 solutions that follow, each 6 × f32

import type { Joints } from "./kinematics.ts";
import type { Vector } from "./vectors.ts";

/** One cell of the workspace: the payload of a `sample` job. */
export type Cell = {
  readonly cell: number;
  readonly low: Vector;
  readonly high: Vector;
  readonly poses: number;
  readonly seed: number;
};

export type ToolPose = readonly [number, number, number, number, number, number, number];
export type Reached = { readonly pose: ToolPose; readonly solutions: readonly Joints[] };

/** The result of a `sample` job and payload of a `collide` job: the poses that have solutions. */
export type Samples = {
  readonly cell: number;
  readonly poses: number;
  readonly reached: readonly Reached[];
};

/** The result of a `collide` job: of so many poses, how many the arm reaches, and without collision. */
export type Counts = {
  readonly cell: number;
  readonly poses: number;
  readonly reachable: number;
  readonly free: number;
  readonly solutions: number;
  readonly freeSolutions: number;
};

/** No cell asks for more, so that a damaged count cannot ask for all memory. */
const posesMax = 100_000;
const solutionsMax = 8;
const magic = 0x31_53_52_52; // "RRS1" read as a little-endian number.

export const encodeCell = (cell: Cell): string => JSON.stringify(cell);

export function decodeCell(bytes: Uint8Array): Cell {
  const { cell, low, high, poses, seed } = JSON.parse(new TextDecoder().decode(bytes));
  const bounds = [low, high].every((corner) => Array.isArray(corner) && corner.length === 3);
  const numbers = [cell, poses, seed, ...(bounds ? [...low, ...high] : [])];
  if (!bounds || !numbers.every(Number.isFinite) || poses < 0 || poses > posesMax) {
    throw new Error(`A cell needs cell, low, high, poses (0 to ${posesMax}) and seed.`);
  }
  return { cell, low, high, poses, seed };
}

export function encodeSamples(samples: Samples): Uint8Array<ArrayBuffer> {
  const words = samples.reached.reduce((sum, { solutions }) => sum + 8 + 6 * solutions.length, 4);
  const view = new DataView(new ArrayBuffer(4 * words));
  let at = 0;
  const whole = (value: number) => view.setUint32((at += 4) - 4, value, true);
  const real = (value: number) => view.setFloat32((at += 4) - 4, value, true);
  [magic, samples.cell, samples.poses, samples.reached.length].forEach(whole);
  for (const { pose, solutions } of samples.reached) {
    pose.forEach(real);
    whole(solutions.length);
    solutions.flat().forEach(real);
  }
  return new Uint8Array(view.buffer);
}

export function decodeSamples(bytes: Uint8Array): Samples {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const whole = () => view.getUint32((at += 4) - 4, true); // Throws beyond the end.
  const reals = (count: number) =>
    Array.from({ length: count }, () => view.getFloat32((at += 4) - 4, true));
  if (whole() !== magic)
    throw new Error("These bytes are no samples: they do not begin with RRS1.");
  const [cell, poses, count] = [whole(), whole(), whole()];
  if (count > poses || poses > posesMax) throw new Error(`Samples cannot hold ${count} poses.`);
  const reached: Reached[] = [];
  for (let index = 0; index < count; index++) {
    const pose = reals(7) as unknown as ToolPose; // Seven asked for, seven read.
    const solutionCount = whole();
    if (solutionCount > solutionsMax) throw new Error(`A pose has ${solutionCount} solutions.`);
    const solutions = Array.from({ length: solutionCount }, () => reals(6) as unknown as Joints);
    reached.push({ pose, solutions });
  }
  if (at !== bytes.byteLength)
    throw new Error(`${bytes.byteLength - at} bytes follow the samples.`);
  return { cell, poses, reached };
}

/** The same bytes from every language: no spaces, fields in this order. */
export const encodeCounts = (counts: Counts): string =>
  JSON.stringify({
    cell: counts.cell,
    poses: counts.poses,
    reachable: counts.reachable,
    free: counts.free,
    solutions: counts.solutions,
    free_solutions: counts.freeSolutions,
  });

export function decodeCounts(bytes: Uint8Array): Counts {
  const { free_solutions: freeSolutions, ...rest } = JSON.parse(new TextDecoder().decode(bytes));
  const counts = { ...rest, freeSolutions };
  const { cell, poses, reachable, free, solutions } = counts;
  if (![cell, poses, reachable, free, solutions, freeSolutions].every(Number.isSafeInteger)) {
    throw new Error("The counts of a cell are not whole numbers.");
  }
  return counts;
}
