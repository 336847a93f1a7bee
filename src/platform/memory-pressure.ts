// Bytes that pass through leave garbage outside of the heap, which the collector learns of late: a gigabyte in
// flight would raise the memory of the process for nothing. So it is told.

export type MemoryPressure = {
  /** So many bytes passed and are done with. */
  passed(byteCount: number): void;
};

/** Between two hints: measured with several gigabytes in flight, where 16 MiB cost 30 MiB more memory and saved no time. */
const bytesBetweenHints = 4 * 1024 * 1024;

export function createMemoryPressure(): MemoryPressure {
  let passedBytes = 0;
  return {
    passed(byteCount) {
      passedBytes += byteCount;
      if (passedBytes < bytesBetweenHints) return;
      passedBytes = 0;
      Bun.gc(false); // At its own time, not now.
    },
  };
}
