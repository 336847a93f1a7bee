// Reads the words of a request: query parameters and form fields. Strict, because an option that is silently
// ignored is worse than a refusal: unknown names, names given twice and bad values are named in the answer.

import * as v from "valibot";
import { GridError } from "../domain/errors.ts";
import { didYouMean } from "../domain/nearest.ts";
import { parseInstant } from "./instants.ts";

/** Parameters by name, as they were sent. */
export type Words = Map<string, string>;

/** For routes that take none. */
export const noParameters = v.object({});

/** The query of a request, checked against `schema`. */
export function readQuery<S extends v.ObjectEntries>(
  request: Request,
  schema: v.ObjectSchema<S, undefined>,
): v.InferOutput<v.ObjectSchema<S, undefined>> {
  const words = parseQuery(request.url);
  for (const name of words.keys())
    refuseUnknown("query parameter", name, Object.keys(schema.entries));
  return readWords(words, schema);
}

/** The values behind checked names, or `malformed` with all that is wrong with them. */
export function readWords<S extends v.ObjectEntries>(
  words: Words,
  schema: v.ObjectSchema<S, undefined>,
): v.InferOutput<v.ObjectSchema<S, undefined>> {
  const parsed = v.safeParse(schema, Object.fromEntries(words));
  if (parsed.success) return parsed.output;
  throw new GridError("malformed", parsed.issues.map(({ message }) => message).join(" "));
}

export function refuseUnknown(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const shown = name.slice(0, 64);
  const remedy =
    didYouMean(shown, known) || (known.length > 0 ? ` Known: ${known.join(", ")}.` : "");
  throw new GridError("unknown-option", `There is no ${what} "${shown}" here.${remedy}`);
}

/** Splits a query as forms are encoded. Names are lower case, as the fields of a form may be in any. */
export function parseQuery(url: string): Words {
  const words: Words = new Map();
  const start = url.indexOf("?");
  if (start < 0) return words;
  for (const pair of url.slice(start + 1).split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodeWord(equals < 0 ? pair : pair.slice(0, equals)).toLowerCase();
    addWord(words, name, equals < 0 ? "" : decodeWord(pair.slice(equals + 1)));
  }
  return words;
}

export function addWord(words: Words, name: string, value: string): void {
  if (words.has(name)) {
    throw new GridError("malformed", `"${name.slice(0, 64)}" is given twice. Give it once.`);
  }
  words.set(name, value);
}

function decodeWord(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new GridError(
      "malformed",
      "The query has a % that does not begin an encoded UTF-8 byte.",
    );
  }
}

/** What a word may be, in the words of JSON Schema: for the description of the API, which reads it off the schemas. */
export type WordShape = {
  readonly type: "string" | "integer" | "number" | "boolean";
  readonly [keyword: string]: string | number | readonly string[];
};

/** A schema that reads one word, or refuses it with a sentence. */
export function word<T>(
  parse: (text: string) => T | null,
  sentence: (shown: string) => string,
  shape: WordShape = { type: "string" },
) {
  return v.pipe(
    v.string(),
    v.metadata(shape),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== null) return value;
      addIssue({ message: sentence(dataset.value.slice(0, 64)) });
      return NEVER;
    }),
  );
}

export function wholeNumber(name: string, min: number, max: number) {
  return word(
    (text) =>
      /^[0-9]{1,15}$/.test(text) && isWithin(Number(text), min, max) ? Number(text) : null,
    (shown) => `${name} is "${shown}": give a whole number from ${min} to ${max}.`,
    { type: "integer", minimum: min, maximum: max },
  );
}

/** Seconds, with up to three decimals, as milliseconds. */
export function seconds(name: string, msMin: number, msMax: number) {
  return word(
    (text) => {
      const ms = /^[0-9]{1,12}(\.[0-9]{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : -1;
      return isWithin(ms, msMin, msMax) ? ms : null;
    },
    (shown) => `${name} is "${shown}": give seconds from ${msMin / 1000} to ${msMax / 1000}.`,
    { type: "number", minimum: msMin / 1000, maximum: msMax / 1000 },
  );
}

export function instant(name: string) {
  return word(
    parseInstant,
    (shown) => `${name} is "${shown}": give an instant like 2026-01-31T12:00:00Z.`,
    { type: "string", format: "date-time" },
  );
}

export function flag(name: string) {
  return word(
    (text) => (["1", "true"].includes(text) ? true : ["0", "false"].includes(text) ? false : null),
    (shown) => `${name} is "${shown}": give 1 or 0.`,
    { type: "string", enum: ["1", "0", "true", "false"] },
  );
}

export function oneOf<const T extends string>(name: string, values: readonly T[]) {
  return word(
    (text) => values.find((value) => value === text) ?? null,
    (shown) => `${name} is "${shown}": give one of ${values.join(", ")}.`,
    { type: "string", enum: values },
  );
}

/** Text of bounded length. */
export function boundedText(name: string, bytesMax: number) {
  return word(
    (given) => (given !== "" && new TextEncoder().encode(given).length <= bytesMax ? given : null),
    (shown) => `${name} is "${shown}": give 1 to ${bytesMax} bytes of UTF-8.`,
    { type: "string", minLength: 1, maxLength: bytesMax },
  );
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
