// How our own providers name bytes: `<sha256>.<16 random hex digits>`. The hash lets a person find and check
// a file; the random part makes each name new, so that deleting one can never harm a later upload of the
// same bytes.

import { assert } from "../domain/assert.ts";

const blobNamePattern = /^[0-9a-f]{64}\.[0-9a-f]{16}$/;

/** Bytes of chance in a name: with 64 bits, two uploads of the same bytes do not meet. */
export const blobNameChanceBytes = 8;

/** A name that was never used and never will be again, given fresh chance. */
export function toBlobName(sha256: string, chance: Uint8Array): string {
  return requireBlobName(`${sha256}.${chance.toHex()}`);
}

export function isBlobName(text: string): boolean {
  return blobNamePattern.test(text);
}

/** The name as it is. A damaged one stops here, before it touches a path. */
export function requireBlobName(name: string): string {
  assert(isBlobName(name), `${JSON.stringify(name)} is the name of a blob`);
  return name;
}
