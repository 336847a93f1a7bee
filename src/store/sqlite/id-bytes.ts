// Ids on disk are their sixteen bytes: less than half of their text, and in the same order.

import type { JobId } from "../../domain/job.ts";

/** The text of an id, as everybody outside of the database knows it. */
export function toIdText(bytes: Uint8Array): JobId {
  const hex = bytes.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The sixteen bytes of an id, or null for text that is none. */
export function fromIdText(id: JobId): Uint8Array | null {
  return idPattern.test(id) ? Uint8Array.fromHex(id.replaceAll("-", "")) : null;
}
