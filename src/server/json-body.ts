// A small JSON object as the body of a request. No body at all is an empty object, so that a report without
// words needs none. Fields that are not known are left aside, as they are on the sockets of workers.

import * as v from "valibot";
import { GridError } from "../domain/errors.ts";
import type { Timers } from "./patience.ts";
import type { Uploads } from "./uploads.ts";

export async function readJson<S extends v.ObjectEntries>(
  uploads: Uploads,
  request: Request,
  server: Timers,
  { sizeBytesMax, schema }: { sizeBytesMax: number; schema: v.ObjectSchema<S, undefined> },
): Promise<v.InferOutput<v.ObjectSchema<S, undefined>>> {
  const text = await uploads.receive(request, server, sizeBytesMax, readText);
  const parsed = v.safeParse(schema, text.trim() === "" ? {} : parse(text));
  if (parsed.success) return parsed.output;
  const problems = parsed.issues.map(
    (issue) => `${v.getDotPath(issue) ?? "It"}: ${issue.message}.`,
  );
  throw new GridError("malformed", `The body does not fit. ${problems.join(" ")}`.slice(0, 1_000));
}

async function readText(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for await (const chunk of bytes) text += decoder.decode(chunk, { stream: true });
    return text + decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new GridError("malformed", "The body is not UTF-8.", {}, { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text);
    return Array.isArray(json) ? null : json; // The schema takes an array for an object.
  } catch (cause) {
    throw new GridError("malformed", "The body is no JSON. Send an object.", {}, { cause });
  }
}
