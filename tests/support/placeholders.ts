// The values that a player of a conversation does not know beforehand, such as a token: `<token:1>` in a transcript. The
// first time it is heard it is bound to what is there, the first time it is to be said it is invented; then it stays.

import type { Json } from "../../src/domain/errors.ts";
import type { MessageHeader } from "../../src/protocol/frame.ts";

export type Values = {
  /** The value with every placeholder in it replaced. */
  filled(value: Json): Json;
  fillHeader(header: MessageHeader): MessageHeader;
  /** The text with every placeholder within it replaced. */
  fillText(text: string): string;
  /** Why the value does not fit what is expected, or null; then what it taught is kept. Fields that are not expected are free. */
  mismatch(expected: Json, value: Json | undefined): string | null;
  /** What a placeholder is bound to, if it is. */
  known(placeholder: Json | undefined): Json | undefined;
  /** Binds a placeholder that has no value yet. */
  bind(placeholder: string, value: Json): void;
};

export function createValues(): Values {
  const bound = new Map<string, Json>();

  const valueOf = (placeholder: string): Json => {
    const known = bound.get(placeholder);
    if (known !== undefined) return known;
    const value = invent(placeholder);
    bound.set(placeholder, value);
    return value;
  };
  const filled = (value: Json): Json => {
    if (typeof value === "string") return isPlaceholder(value) ? valueOf(value) : value;
    if (Array.isArray(value)) return value.map(filled);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filled(one)]));
  };

  return {
    filled,
    fillHeader: (header) => ({ ...(filled(header) as MessageHeader), op: header.op }),
    fillText: (text) => text.replaceAll(anywhere, (found) => textOf(valueOf(found))),
    mismatch(expected, value) {
      const learned = new Map<string, Json>();
      const problem = compare(expected, value, "", bound, learned);
      if (problem === null) for (const [name, one] of learned) bound.set(name, one);
      return problem;
    },
    known: (placeholder) => (typeof placeholder === "string" ? bound.get(placeholder) : undefined),
    bind(placeholder, value) {
      if (isPlaceholder(placeholder) && !bound.has(placeholder)) bound.set(placeholder, value);
    },
  };
}

/** A text as it is, anything else as JSON. */
export function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const anywhere = /<[a-z0-9_]+:[0-9]+>/g;

function isPlaceholder(text: string): boolean {
  return /^<[a-z0-9_]+:[0-9]+>$/.test(text);
}

/** The name says what it is. */
function invent(placeholder: string): Json {
  const [, name, number] = /^<([a-z0-9_]+):([0-9]+)>$/.exec(placeholder) ?? [];
  if (name === "job") return crypto.randomUUID();
  if (name === "token") return crypto.getRandomValues(new Uint8Array(32)).toHex();
  if (name === "worker" || name === "boot") {
    return crypto.getRandomValues(new Uint8Array(16)).toHex();
  }
  if (name === "incarnation") return Number(number);
  if (name?.endsWith("_ms") === true) return milliseconds[name] ?? 1_000;
  return `${name} ${number}`;
}

const milliseconds: { readonly [name: string]: number } = {
  heartbeat_ms: 10_000,
  lease_ms: 35_000,
  retry_after_ms: 50,
};

function compare(
  expected: Json,
  value: Json | undefined,
  path: string,
  bound: ReadonlyMap<string, Json>,
  learned: Map<string, Json>,
): string | null {
  const wrong = (wanted: Json) =>
    `${path === "" ? "it" : path.slice(1)} is ${JSON.stringify(value)}, not ${JSON.stringify(wanted)}`;
  if (value === undefined) return wrong(expected);
  if (typeof expected === "string" && isPlaceholder(expected)) {
    const known = bound.get(expected) ?? learned.get(expected);
    if (known === undefined) learned.set(expected, value);
    return known === undefined || Bun.deepEquals(known, value) ? null : wrong(known);
  }
  if (typeof expected !== "object" || expected === null) {
    return expected === value ? null : wrong(expected);
  }
  if (
    typeof value !== "object" ||
    value === null ||
    Array.isArray(value) !== Array.isArray(expected)
  ) {
    return wrong(expected);
  }
  if (Array.isArray(expected) && Array.isArray(value) && value.length !== expected.length) {
    return wrong(expected);
  }
  for (const [name, one] of Object.entries(expected)) {
    const found = (value as { readonly [name: string]: Json })[name];
    const problem = compare(one, found, `${path}.${name}`, bound, learned);
    if (problem !== null) return problem;
  }
  return null;
}
