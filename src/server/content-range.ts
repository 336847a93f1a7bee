// Content-Range of an upload in parts (RFC 9110, 14.4 and 14.5): which bytes of how many a body holds.

import { GridError } from "../domain/errors.ts";

/** From `start` up to, not including, `end`, of `total` bytes. */
export type Part = { readonly start: number; readonly end: number; readonly total: number };

/** Null without the header: the body is the whole. */
export function readContentRange({ headers }: Request): Part | null {
  const header = headers.get("content-range");
  if (header === null) return null;
  const [, first, last, whole] =
    /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15})$/i.exec(header.trim()) ?? [];
  const [start, end, total] = [Number(first), Number(last) + 1, Number(whole)];
  if (start < end && end <= total) {
    refuseOtherLength(headers, end - start);
    return { start, end, total };
  }
  throw new GridError(
    "malformed",
    `The Content-Range "${header.slice(0, 64)}" names no part. Send it as bytes FIRST-LAST/TOTAL, with the last byte counted.`,
  );
}

function refuseOtherLength(headers: Headers, size: number): void {
  const declared = headers.get("content-length");
  if (declared === null || Number(declared) === size) return;
  throw new GridError(
    "malformed",
    `Content-Range names ${size} bytes, but the body has ${declared.slice(0, 20)}. Make them the same.`,
  );
}
