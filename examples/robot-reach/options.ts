// What the demo may be asked for.

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

export type Options = {
  readonly cells: number;
  readonly poses: number;
  readonly isPlugPulled: boolean;
  readonly output: string;
};

export const usage = `Usage: npm run demo -- [options]

  --cells N          about so many cells of the workspace (default 8000)
  --poses N          tool poses to try in each cell (default 32)
  --quick            a few seconds: 200 cells of 12 poses
  --pull-the-plug    kill the server half way, start it again, and check the results
  --output FILE      the picture (default examples/robot-reach/output/reach.png)
  --help             show this help
`;

const sizes = { usual: { cells: 8_000, poses: 32 }, quick: { cells: 200, poses: 12 } } as const;
const countMax = 100_000;

/** Throws an error that says what is wrong. */
export function parseOptions(words: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...words],
    options: {
      cells: { type: "string" },
      poses: { type: "string" },
      quick: { type: "boolean", default: false },
      "pull-the-plug": { type: "boolean", default: false },
      output: { type: "string", default: join(import.meta.dir, "output", "reach.png") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const size = values.quick ? sizes.quick : sizes.usual;
  return {
    cells: count("cells", values.cells ?? String(size.cells)),
    poses: count("poses", values.poses ?? String(size.poses)),
    isPlugPulled: values["pull-the-plug"],
    output: resolve(values.output),
  };
}

function count(name: string, given: string): number {
  const value = Number(given);
  if (Number.isSafeInteger(value) && value >= 1 && value <= countMax) return value;
  throw new Error(`--${name} must be a whole number from 1 to ${countMax}, not "${given}".`);
}
