// Instants as text and back. Pure arithmetic on what it is given: what time it is, the clock says.

import { toInstantText } from "../domain/instant-text.ts";
import type { Instant } from "../domain/job.ts";
import type { WireInstant } from "../protocol/http-api.ts";

export function toWireInstant(at: Instant): WireInstant {
  return toInstantText(at);
}

/** Reads ISO 8601 with its offset from UTC, from 1970 on; null when it is anything else. */
export function parseInstant(text: string): Instant | null {
  if (text.length > textLengthMax) return null;
  try {
    const at = Temporal.Instant.from(text).epochMilliseconds;
    return at >= 0 && at <= instantMax ? at : null;
  } catch {
    return null; // It throws for all that is no instant.
  }
}

/** The longest forms have nanoseconds and an offset. */
const textLengthMax = 64;
/** The last instant whose year has four digits: all instants of the API have the same length. */
const instantMax = 253_402_300_799_999;
