// The pieces of a tar file (POSIX ustar, with pax records for what its fields cannot hold), so that one can be
// written while it is read: nothing of it needs to be known ahead but the size of each entry.

import { assert } from "../domain/assert.ts";
import { joinBytes } from "../domain/join-bytes.ts";

export type TarEntry = {
  /** A relative path; best ASCII, which every tool reads alike. */
  readonly name: string;
  readonly size: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  /** Whether it is a program. */
  readonly isExecutable?: boolean;
};

const blockBytes = 512;
const nameBytesMax = 100;
/** Eleven octal digits. */
const sizeMax = 0o77777777777;
const encoder = new TextEncoder();

/** What stands before the bytes of an entry. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const { name, size } = entry;
  assert(name !== "" && !name.includes("\0"), "a name in a tar file has characters, and no NUL");
  const records: string[] = [];
  const isPlain = /^[\x20-\x7e]+$/.test(name) && name.length <= nameBytesMax;
  if (!isPlain) records.push(paxRecord("path", name));
  if (size > sizeMax) records.push(paxRecord("size", String(size)));
  const ascii = name.replaceAll(/[^\x20-\x7e]/g, "_").slice(0, nameBytesMax);
  const plain = { ...entry, name: ascii, size: Math.min(size, sizeMax) };
  if (records.length === 0) return header(plain, "0");
  const text = encoder.encode(records.join(""));
  const about = { name: "pax", size: text.length, modifiedAt: entry.modifiedAt };
  return joinBytes([header(about, "x"), text, tarPadding(text.length), header(plain, "0")]);
}

/** What stands behind the bytes of an entry of this size. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((blockBytes - (size % blockBytes)) % blockBytes);
}

/** The end of a tar file: without it the file is cut, and tools say so. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * blockBytes);
}

function header(entry: TarEntry, kind: "0" | "x"): Uint8Array {
  const { name, size, modifiedAt, isExecutable = false } = entry;
  const block = new Uint8Array(blockBytes);
  const put = (at: number, text: string) => void encoder.encodeInto(text, block.subarray(at));
  put(0, name);
  put(100, isExecutable ? "0000755\0" : "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${octal(size, 11)} `);
  put(136, `${octal(Math.max(0, Math.floor(modifiedAt)), 11)} `);
  put(148, " ".repeat(8)); // The sum is taken over blanks in its own place.
  put(156, kind);
  put(257, "ustar\x0000");
  let sum = 0;
  for (const byte of block) sum += byte;
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** `27 path=…` and a line end; the number counts the bytes of all, itself among them. */
function paxRecord(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  const restBytes = encoder.encode(rest).length;
  let length = restBytes + 1;
  while (String(length).length + restBytes !== length) length = String(length).length + restBytes;
  return `${length}${rest}`;
}
