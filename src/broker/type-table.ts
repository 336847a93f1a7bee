// The configured types, by name. Jobs of types that were taken out of the configuration keep plain limits.

import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";

export type TypeTable = {
  /** The type, or plain limits under its name when it is no longer configured. */
  typeOf(name: string): JobType;
  /** The type, or `no-such-type`. */
  requireType(name: string): JobType;
  /** The types that a worker names, each once; none stands for the unnamed type. `no-such-type` for others. */
  typesServed(named: readonly string[]): readonly string[];
};

export function createTypeTable(types: readonly JobType[]): TypeTable {
  const typesByName = new Map(types.map((type) => [type.name, type]));
  const [first] = types;

  const requireType = (name: string): JobType => {
    const type = typesByName.get(name);
    if (type !== undefined) return type;
    const known = [...typesByName.keys()].filter((one) => one !== "").join(", ");
    const remedy = known === "" ? "This server has no job types." : `The types are: ${known}.`;
    const wrong = name === "" ? "Name a job type." : `There is no job type "${name}".`;
    throw new GridError("no-such-type", `${wrong} ${remedy}`);
  };

  return {
    typeOf(name) {
      const type = typesByName.get(name);
      if (type !== undefined) return type;
      const plain = { description: null, resultBecomes: null, timeoutMs: null };
      const limits = { maxAttempts: 3, maxCrashes: 3, resumeGraceMs: 600_000 };
      return { ...limits, payloadBytesMax: first?.payloadBytesMax ?? 0, ...plain, name };
    },
    requireType,
    typesServed(named) {
      const asked = named.length === 0 ? [""] : [...new Set(named)];
      return asked.map((name) => requireType(name).name);
    },
  };
}
