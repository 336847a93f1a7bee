// The name of the file that a result goes into. Pure. Two keys never share a name, and no name leads elsewhere,
// hides itself or is taken for a flag.

import { fileNameBytesMax } from "../../domain/limits.ts";

/** Words that Windows keeps for devices, whatever stands behind their first dot. */
const devices = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/** The key with all but letters, digits and `._-` percent-encoded; the id where that is too long. */
export function resultFileName({ key, id }: { readonly key: string; readonly id: string }): string {
  const plain = Array.from(key, (character) =>
    /^[A-Za-z0-9._-]$/.test(character) ? character : encoded(character),
  ).join("");
  const first = plain.charAt(0);
  const isHidden = first === "." || first === "-" || devices.test(plain);
  const headed = isHidden ? encoded(first) + plain.slice(1) : plain;
  // Windows drops a dot at the end.
  const name = headed.endsWith(".") ? `${headed.slice(0, -1)}%2E` : headed;
  return name.length <= fileNameBytesMax ? name : id;
}

function encoded(character: string): string {
  return Array.from(
    new TextEncoder().encode(character),
    (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}
