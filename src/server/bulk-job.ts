// One job of a bulk submission, whichever form brought it: its options checked, its payload staged. What is wrong
// with one job is told of that job alone.

import type { Broker } from "../broker/broker.ts";
import type { NewContent } from "../domain/blob-ref.ts";
import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import type { Words } from "./query.ts";
import { readSubmitOptions, requireOption, type SubmitOptions } from "./submit-options.ts";

/** `line`: which one it is, counted from 1 as it was sent. */
export type BulkItem = { readonly line: number } & (
  | { readonly kind: "job"; readonly asked: SubmitOptions; readonly payload: NewContent }
  | { readonly kind: "refused"; readonly error: GridError }
);

/** Items that came together, in their order. */
export type BulkItems = AsyncGenerator<readonly BulkItem[], void, void>;

/** Options as JSON brings them, by name. */
export type GivenOptions = { readonly [name: string]: unknown };

export type BulkJobDeps = {
  readonly broker: Pick<Broker, "stageWhole">;
  readonly type: JobType;
  /** Options of all jobs that do not say otherwise. */
  readonly defaults: BulkDefaults;
};

export type BulkDefaults = { readonly words: Words; readonly asked: SubmitOptions };

/** The options that hold for all jobs of a request; a key is not one. */
export function readDefaults(words: Words): BulkDefaults {
  if (words.has("key")) {
    throw new GridError("malformed", "A key names one job. Give it with each job, not for all.");
  }
  return { words, asked: readSubmitOptions(words) };
}

export async function readBulkJob(
  { broker, type, defaults }: BulkJobDeps,
  line: number,
  options: GivenOptions,
  bytes: Uint8Array,
): Promise<BulkItem> {
  try {
    const asked = readOptions(defaults, options);
    if (bytes.length > type.payloadBytesMax) throw payloadTooLarge(bytes.length, type);
    const payload = await broker.stageWhole(bytes);
    const { contentType } = asked;
    return { kind: "job", line, asked, payload: { ...payload, contentType } };
  } catch (error) {
    return refuse(line, error);
  }
}

/** The caller's mistake becomes an item; ours goes on. */
export function refuse(line: number, error: unknown): BulkItem {
  if (error instanceof GridError) return { kind: "refused", line, error };
  throw error;
}

/** The same from options as JSON brings them. */
export function readGivenDefaults(options: GivenOptions): BulkDefaults {
  return readDefaults(toWords(options));
}

function readOptions({ words, asked }: BulkDefaults, options: GivenOptions): SubmitOptions {
  const given = toWords(options);
  const key = given.get("key") ?? "";
  // The commonest job has a key and no options of its own. Whether it may be one the broker looks at.
  const isPlain = given.size === (given.has("key") ? 1 : 0);
  if (isPlain) return { ...asked, key: key.trim() === "" ? null : key };
  return readSubmitOptions(new Map([...words, ...given]));
}

function toWords(options: GivenOptions): Words {
  const given: Words = new Map();
  for (const name in options) {
    requireOption("option", name, []);
    const value = toWord(name, options[name]);
    if (value !== null) given.set(name, value);
  }
  return given;
}

/** As a query or a form would have it; null is left out. */
function toWord(name: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (name === "labels") return JSON.stringify(value);
  throw new GridError("malformed", `${name} is a list or an object: give a text or a number.`);
}

function payloadTooLarge(size: number, { payloadBytesMax }: JobType): GridError {
  return new GridError(
    "payload-too-large",
    `The payload has ${size} bytes; the most is ${payloadBytesMax}. Raise payload_bytes_max or send less.`,
  );
}
