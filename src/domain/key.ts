// What may be a key, and how one string names a job: by short number, by id, or by key.

import { keyBytesMax } from "./limits.ts";
import type { JobId, JobSeq } from "./job.ts";

/** How a job is addressed. */
export type JobRef =
  | { readonly by: "seq"; readonly seq: JobSeq }
  | { readonly by: "id"; readonly id: JobId }
  | { readonly by: "key"; readonly key: string };

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const numberPattern = /^[0-9]{1,15}$/;
// Control characters, and those that reverse the reading order of the text around them.
// oxlint-disable-next-line no-control-regex
const hiddenPattern = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const plainPattern = /^[ -~]*$/;
const reservedKeys = new Set([".", "..", "submit", "submit-many", "cancel", "retry", "delete"]);

/** Reads what stands in a path: digits are the short number, a UUID is the id, all else is a key. */
export function parseJobRef(text: string): JobRef {
  if (numberPattern.test(text)) return { by: "seq", seq: Number(text) };
  if (uuidPattern.test(text)) return { by: "id", id: text.toLowerCase() };
  return { by: "key", key: text };
}

/** Why `key` may not be one, as a sentence, or null when it may. */
export function keyProblem(key: string): string | null {
  if (key === "") return "A key has at least one character.";
  const size = new TextEncoder().encode(key).length;
  if (size > keyBytesMax) return `The key has ${size} bytes; the most is ${keyBytesMax}.`;
  if (!key.isWellFormed()) return "The key is not valid Unicode.";
  if (hasHiddenCharacters(key)) return "The key holds control or direction characters.";
  if (reservedKeys.has(key)) return `"${key}" is a word of the API and cannot be a key.`;
  if (/^[0-9]+$/.test(key))
    return `The key "${key}" is a number, and numbers name jobs by their short number.`;
  if (uuidPattern.test(key)) return `The key "${key}" looks like a job's id.`;
  return null;
}

/** True when text holds characters that a person cannot see or that turn the text around. */
export function hasHiddenCharacters(text: string): boolean {
  // Plain ASCII, which nearly every text is, is known without the classes of the other pattern.
  return !plainPattern.test(text) && hiddenPattern.test(text);
}
