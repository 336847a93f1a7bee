// When a request is worth sending again, and how long to wait before. Pure: chance enters as a number.

import {
  clientRetryAfterMsMax,
  clientRetryCountMax,
  clientRetryMsFirst,
  clientRetryMsMax,
} from "./limits.ts";
import type { ClientError } from "./client-error.ts";

/** Statuses that speak of a moment: the same request may well succeed later. */
const passingStatuses = new Set([429, 502, 503, 504, 507]);

/**
 * Milliseconds to wait before try number `tries + 1`, or null when the error is final, the tries are used up, or
 * the server asks for more patience than the client has.
 */
export function retryDelayMs(error: ClientError, tries: number, fraction: number): number | null {
  if (!isPassing(error) || tries > clientRetryCountMax) return null;
  const asked = error.retryAfterMs ?? 0;
  if (asked > clientRetryAfterMsMax) return null;
  return asked + jitterMs(tries, fraction);
}

/** Full jitter: clients that failed together do not come back together. */
export function jitterMs(tries: number, fraction: number): number {
  return Math.min(clientRetryMsMax, clientRetryMsFirst * 2 ** (tries - 1)) * fraction;
}

/** True for a network that failed, and for answers that may be otherwise in a moment. */
export function isPassing({ code, status }: ClientError): boolean {
  return status === null ? code === "unreachable" : passingStatuses.has(status);
}
