// Hands each job to the runner of its type, for workers that serve several.

import type { Runner } from "./runner.ts";

/** A worker without types has jobs of the type "". `fallback`: for types that no runner is named for. */
export function createTypeRunner(
  runnersByType: ReadonlyMap<string, Runner>,
  fallback: Runner | null,
): Runner {
  return {
    async run(assignment, report, stop) {
      const runner = runnersByType.get(assignment.type) ?? fallback;
      if (runner === null) return { kind: "released", why: "unsupported" };
      return runner.run(assignment, report, stop);
    },
    async close() {
      // One runner may serve several types.
      const runners = new Set(runnersByType.values());
      if (fallback !== null) runners.add(fallback);
      await Promise.all([...runners].map((runner) => runner.close()));
    },
  };
}
