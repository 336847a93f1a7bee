// Holds the memory of a warm program against a bound while it runs. A program grows by its jobs, and a machine
// that swaps serves nobody.

import { memoryLookMs } from "../../domain/limits-worker.ts";
import type { Clock, Timer } from "../../platform/clock.ts";
import { usageOf } from "../../platform/process-usage.ts";

export type MemoryGuard = {
  stop(): void;
};

/** Calls once when the process uses more than the bound. Without a bound, or where the system does not tell, never. */
export function guardMemory(
  pid: number,
  memoryBytesMax: number | null,
  clock: Clock,
  onTooMuch: (memoryBytes: number) => void,
): MemoryGuard {
  let timer: Timer | null = null;
  const look = () => {
    const usage = usageOf(pid);
    if (usage === null || memoryBytesMax === null) return;
    if (usage.memoryBytes > memoryBytesMax) return onTooMuch(usage.memoryBytes);
    timer = clock.after(memoryLookMs, look);
  };
  if (memoryBytesMax !== null) timer = clock.after(memoryLookMs, look);
  return { stop: () => timer?.cancel() };
}

export function tooMuchInWords(memoryBytes: number, memoryBytesMax: number | null): string {
  return `used ${memoryBytes} bytes of memory, more than its bound of ${memoryBytesMax}, and was ended`;
}
