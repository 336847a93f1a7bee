// What this process does to itself before it runs what others wrote: without it any program of the same user may read
// the token out of our memory, our environment or a core file. Costs microseconds, lasts until the process ends.

import { systemCalls } from "./system-calls.ts";

/** False where the system has no such calls; what runs there can look at us. Changes the whole process. */
export function hardenProcess(): boolean {
  const calls = systemCalls();
  if (calls === null) return false;
  // Each is tried, whatever became of the one before.
  const results = [calls.hideThisProcess(), calls.forbidNewPrivileges()];
  return results.every(Boolean);
}
