// Reads the JSON of an answer and makes sure that a GridLike server wrote it: a sign-in page of a proxy is no job.

import type { Json } from "../domain/errors.ts";
import { statuses, type Status } from "../domain/job.ts";
import type { WireJob } from "../protocol/http-api.ts";
import { ClientError } from "./client-error.ts";

/** An object that has all of `names`. */
export async function readObject<T>(answer: Response, names: readonly (keyof T & string)[]) {
  const value = await readJson(answer);
  if (isObject(value) && names.every((name) => name in value)) return value as T; // Its marks are there.
  throw stranger(answer);
}

export async function readArray<T>(answer: Response): Promise<readonly T[]> {
  const value = await readJson(answer);
  if (Array.isArray(value)) return value as readonly T[]; // Of objects, as the API promises.
  throw stranger(answer);
}

export async function readJob(answer: Response): Promise<WireJob> {
  const job = await readObject<WireJob>(answer, ["id", "key", "status"]);
  if (statuses.includes(job.status)) return job;
  throw stranger(answer);
}

/** For answers whose body says nothing. It is read, so that the connection can be used again. */
export async function readNothing(answer: Response): Promise<void> {
  await answer.arrayBuffer();
}

/** Parsed JSON, or undefined where it is none. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json; // Which is what the grammar allows.
  } catch {
    return undefined; // The caller says what that means.
  }
}

export function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSettledStatus(status: Status): boolean {
  return status === "done" || status === "failed" || status === "cancelled";
}

/** An answer of 2xx that no server of ours gives. */
export function stranger(answer: Response): ClientError {
  return new ClientError(
    "unreachable",
    "What answers at this address is no GridLike server. Check the address, and what stands before the server.",
    { status: answer.status, requestId: answer.headers.get("x-request-id") },
  );
}

async function readJson(answer: Response): Promise<Json | undefined> {
  return parseJson(await answer.text());
}
