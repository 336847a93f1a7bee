// An instant as people and programs read it: ISO 8601 UTC with milliseconds. One form wherever one is told.

import type { Instant } from "./job.ts";

export function toInstantText(at: Instant): string {
  return Temporal.Instant.fromEpochMilliseconds(at).toString({ smallestUnit: "millisecond" });
}
