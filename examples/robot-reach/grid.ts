// The workspace cut into cubes: which cells there are and where each lies.

import type { Cell } from "./formats.ts";
import type { Vector } from "./vectors.ts";

/** Around the arm, in metres: as far as it reaches with its tool, from the table upwards. */
export const workspace = { low: [-1, -1, 0], high: [1, 1, 1.2] } as const;

export type Grid = {
  /** The length of a cell's edge. */
  readonly edge: number;
  /** Cells along x, y and z. */
  readonly counts: Vector;
};

/** A grid of about `cellCount` cubes that fill the workspace in whole numbers. */
export function gridOf(cellCount: number): Grid {
  const { low, high } = workspace;
  const extents = [0, 1, 2].map((axis) => high[axis]! - low[axis]!);
  const across = Math.max(
    1,
    Math.round(Math.cbrt((cellCount * extents[0]! ** 2) / (extents[1]! * extents[2]!))),
  );
  const edge = extents[0]! / across;
  const [x, y, z] = extents.map((extent) => Math.max(1, Math.round(extent / edge)));
  return { edge, counts: [x!, y!, z!] };
}

export const cellCountOf = ({ counts: [x, y, z] }: Grid): number => x * y * z;

/** Cells are numbered along x, then y, then z. */
export const cellIndex = ({ counts }: Grid, x: number, y: number, z: number): number =>
  x + counts[0] * (y + counts[1] * z);

/** All cells in their order, each with a seed of its own. */
export function cellsOf(grid: Grid, poses: number, seed: number): readonly Cell[] {
  return Array.from({ length: cellCountOf(grid) }, (_, cell) => {
    const [x, y] = [cell % grid.counts[0], Math.floor(cell / grid.counts[0]) % grid.counts[1]];
    const z = Math.floor(cell / (grid.counts[0] * grid.counts[1]));
    return {
      cell,
      low: cornerOf(grid, [x, y, z]),
      high: cornerOf(grid, [x + 1, y + 1, z + 1]),
      poses,
      seed: (Math.imul(seed + 1, 0x9e_37_79_b1) ^ Math.imul(cell + 1, 0x85_eb_ca_6b)) >>> 0,
    };
  });
}

/** Rounded to micrometres, so that the payload reads well. */
function cornerOf({ edge }: Grid, [x, y, z]: Vector): Vector {
  const at = (low: number, steps: number) => Math.round((low + steps * edge) * 1e6) / 1e6;
  return [at(workspace.low[0], x), at(workspace.low[1], y), at(workspace.low[2], z)];
}
