// Content-Digest (RFC 9530): the sender says what arrives, so that damage on the way is found before anything
// is kept. SHA-256 is checked; other algorithms are no promise of ours.

import { GridError } from "../domain/errors.ts";

/** The SHA-256 that a request announces for its body, as 64 hex digits, or null when it announces none. */
export function announcedSha256({ headers }: Request): string | null {
  const header = headers.get("content-digest");
  if (header === null) return null;
  for (const entry of header.split(",")) {
    const [, name, base64] = /^ *([a-z0-9-]+) *= *:([A-Za-z0-9+/=]*): *$/.exec(entry) ?? [];
    if (name === undefined) throw unreadable();
    if (name === "sha-256") return toHex(base64 ?? "");
  }
  return null;
}

export function requireSameDigest(announced: string | null, arrived: string): void {
  if (announced === null || announced === arrived) return;
  throw new GridError(
    "digest-mismatch",
    `The body has the SHA-256 ${arrived}, but Content-Digest announces ${announced}. Send it again.`,
  );
}

function toHex(base64: string): string {
  try {
    const bytes = Uint8Array.fromBase64(base64);
    if (bytes.length === sha256BytesCount) return bytes.toHex();
  } catch {
    // Told below, like a wrong length.
  }
  throw unreadable();
}

const sha256BytesCount = 32;

function unreadable(): GridError {
  return new GridError(
    "malformed",
    "The Content-Digest header cannot be read. Send it as sha-256=:BASE64:, or leave it out.",
  );
}
