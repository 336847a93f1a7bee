// A bulk submission as a form: each file is a job, and its name the key. Fields before the first file hold for all
// of them; a field "key" holds for the file that follows it. Payloads of any size: they are staged as they arrive.

import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import {
  readDefaults,
  refuse,
  type BulkDefaults,
  type BulkItem,
  type BulkItems,
} from "./bulk-job.ts";
import { parseMultipart, type Part } from "./multipart.ts";
import { addWord, type Words } from "./query.ts";
import { keptContentType, readField } from "./submission.ts";
import { requireOption } from "./submit-options.ts";

export type BulkFormDeps = {
  readonly broker: Pick<Broker, "stage">;
  readonly type: JobType;
  /** Options that came with the address. */
  readonly words: Words;
};

/** Items by the numbers of their files. Throws for a form that cannot be read on, or whose fields are wrong. */
export async function* readForm(
  deps: BulkFormDeps,
  bytes: AsyncIterable<Uint8Array>,
  boundary: string,
): BulkItems {
  const words: Words = new Map(deps.words);
  let defaults: BulkDefaults | null = null;
  let key: string | null = null;
  let line = 0;
  const limits = { partCountMax: Number.MAX_SAFE_INTEGER }; // Each is let go of before the next one.
  for await (const part of parseMultipart(bytes, boundary, limits)) {
    if (part.filename !== null) {
      defaults ??= readDefaults(words);
      line += 1;
      yield [await readFile(deps, part, { line, defaults, key: key ?? part.filename })];
      key = null;
      continue;
    }
    const name = part.name.toLowerCase();
    requireOption("form field", name, []);
    const value = await readField(name, part.body);
    if (name === "key") {
      if (key !== null) throw new GridError("malformed", "A key is followed by another key.");
      key = value;
    } else if (defaults === null) addWord(words, name, value);
    else throw lateField(name);
  }
  if (key !== null) throw new GridError("malformed", "The last key is followed by no file.");
}

type File = { readonly line: number; readonly defaults: BulkDefaults; readonly key: string };

async function readFile(
  { broker, type }: BulkFormDeps,
  { body, contentType }: Part,
  { line, defaults, key }: File,
): Promise<BulkItem> {
  const part = watch(body);
  try {
    const payload = await broker.stage(part.body, {
      sizeBytesMax: type.payloadBytesMax,
      contentType: defaults.asked.contentType ?? keptContentType(contentType),
    });
    const asked = { ...defaults.asked, key: key.trim() === "" ? null : key };
    return { kind: "job", line, asked, payload };
  } catch (error) {
    if (part.isBroken()) throw error;
    return refuse(line, error);
  }
}

/** Tells a body that was cut from a job that is wrong: the first ends all, the second only itself. */
function watch(bytes: AsyncIterable<Uint8Array>) {
  let isBroken = false;
  async function* body() {
    try {
      yield* bytes;
    } catch (error) {
      isBroken = true;
      throw error;
    }
  }
  return { body: body(), isBroken: () => isBroken };
}

function lateField(name: string): GridError {
  return new GridError(
    "malformed",
    `The field "${name.slice(0, 64)}" comes after a file. Fields that hold for all files come before the first.`,
  );
}
