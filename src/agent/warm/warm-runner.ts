// What the runners that keep programs warm have in common: facts about each copy, for people and for statistics.

import type { Runner } from "../runner.ts";

export type InstanceFacts = {
  /** Counted from 1, unique within its runner. */
  readonly instance: number;
  /** The service's type, or the function's file up to its first dot. */
  readonly name: string;
  readonly pid: number | null;
  readonly port: number | null;
  /** `resting`: it ended, and is started again soon. */
  readonly state: "starting" | "idle" | "busy" | "resting" | "stopped";
  /** Starts after the first one. */
  readonly restarts: number;
  readonly jobsDone: number;
  /** Null where the system does not tell. */
  readonly cpuSeconds: number | null;
  readonly memoryBytes: number | null;
};

export interface WarmRunner extends Runner {
  stats(): readonly InstanceFacts[];
  /** The end of what an instance wrote to its standard output and error; nothing of one that is not there. */
  output(instance: number): string;
}
