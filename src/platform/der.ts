// DER, the binary form of certificates, as far as writing one needs it: a tag, a length, the contents.

import { isIP } from "node:net";

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(tags.sequence, ...parts);
}

export function setOf(part: Uint8Array): Uint8Array {
  return tagged(tags.set, part);
}

/** Part `number` of a structure whose parts are told apart by number; it wraps what it holds. */
export function numbered(number: number, part: Uint8Array): Uint8Array {
  return tagged(0xa0 | number, part);
}

/** The same for bare bytes. */
export function numberedBytes(number: number, bytes: Uint8Array): Uint8Array {
  return tagged(0x80 | number, bytes);
}

export function integer(value: number): Uint8Array {
  return tagged(tags.integer, Uint8Array.of(value));
}

/** An integer of these bytes that is above zero: a first bit of one would make it negative. */
export function positiveInteger(bytes: Uint8Array): Uint8Array {
  const [first = 0, ...rest] = bytes;
  return tagged(tags.integer, Uint8Array.of((first & 0x7f) | 0x40, ...rest));
}

export const yes = tagged(tags.boolean, Uint8Array.of(0xff));

/** `bytes` with the last `unusedBitCount` bits of them meaning nothing. */
export function bitString(bytes: Uint8Array, unusedBitCount = 0): Uint8Array {
  return tagged(tags.bitString, Uint8Array.of(unusedBitCount), bytes);
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return tagged(tags.octetString, bytes);
}

/** An object identifier, such as "2.5.29.17". */
export function objectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(tags.objectId, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

export function utf8(text: string): Uint8Array {
  return tagged(tags.utf8, ascii(text));
}

/** `text` in the form YYMMDDhhmmssZ, for 1950 to 2049. */
export function utcTime(text: string): Uint8Array {
  return tagged(tags.utcTime, ascii(text));
}

/** `text` in the form YYYYMMDDhhmmssZ, for 2050 and later. */
export function generalizedTime(text: string): Uint8Array {
  return tagged(tags.generalizedTime, ascii(text));
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The four or sixteen bytes of an IP address. */
export function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split(".").map(Number));
  // As an address of the web it has one form: no zone, no embedded IPv4.
  const [bare = ""] = address.split("%");
  const plain = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = plain
    .split("::")
    .map((half) => half.split(":").filter((group) => group !== ""));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return Uint8Array.fromHex(groups.map((group) => group.padStart(4, "0")).join(""));
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return Uint8Array.from([tag, ...lengthBytes(size), ...parts.flatMap((part) => [...part])]);
}

/** Up to 127 as it is; above, how many bytes follow, and the bytes. */
function lengthBytes(size: number): readonly number[] {
  if (size < 0x80) return [size];
  const bytes: number[] = [];
  for (let rest = size; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

/** Seven bits in each byte; all but the last one have their highest bit set. */
function base128(value: number): readonly number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}
