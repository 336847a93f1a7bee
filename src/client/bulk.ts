// The bulk route: small jobs gathered into NDJSON, and the answer read line by line. A line per job in their order,
// then a closing one; without it the rest is unknown and is sent again with the same keys.

import { clientBulkBytesMax, clientBulkJobCountMax, clientBulkPayloadBytesMax } from "./limits.ts";
import { keyProblem } from "../domain/key.ts";
import type { Json } from "../domain/errors.ts";
import { parseProblem } from "../protocol/problem.ts";
import { ClientError, isGeneral } from "./client-error.ts";
import { toBase64 } from "./encoding.ts";
import { bytesOf, type Payload } from "./payload.ts";
import { isObject, parseJson } from "./read-answer.ts";
import type { Transport } from "./request.ts";
import { submitPath, toWords, type JobRequest, type Submitted } from "./submit.ts";

export type NewJob = JobRequest & { readonly payload: Payload };

/** What became of one job. `index` is its place among those handed in. */
export type SubmitOutcome = { readonly index: number; readonly key: string } & (
  | { readonly ok: true; readonly submitted: Submitted }
  | { readonly ok: false; readonly error: ClientError }
);

/** A job that has its key. */
export type Item = { readonly index: number; readonly key: string; readonly job: NewJob };

/** Jobs of `again` are to be sent alone. */
export type Sent = { readonly outcomes: readonly SubmitOutcome[]; readonly again: readonly Item[] };

/** Whether the server has the route, as far as is known. */
export type BulkRoute = { isOffered: boolean };

type Batch = { readonly type: string | undefined; readonly items: Item[]; lines: string };

export type Batches = {
  /** False when the job is not fit to travel with others. */
  add(item: Item): boolean;
  /** A batch that is full, or null. */
  takeFull(): Batch | null;
  /** A batch of any size, or null when there is none. */
  takeAny(): Batch | null;
};

/** The type stands in the path, so each type has its own batch. */
export function createBatches(): Batches {
  const batchesByType = new Map<string | undefined, Batch>();
  const take = (isFit: (batch: Batch) => boolean): Batch | null => {
    for (const [type, batch] of batchesByType) {
      if (!isFit(batch)) continue;
      batchesByType.delete(type);
      return batch;
    }
    return null;
  };
  return {
    add(item) {
      const line = toLine(item);
      if (line === null) return false;
      const { type } = item.job;
      const batch = batchesByType.get(type) ?? { type, items: [], lines: "" };
      batchesByType.set(type, batch);
      batch.items.push(item);
      batch.lines += line;
      return true;
    },
    takeFull: () =>
      take(
        ({ items, lines }) =>
          items.length >= clientBulkJobCountMax || lines.length >= clientBulkBytesMax,
      ),
    takeAny: () => take(() => true),
  };
}

export async function sendBatch(
  transport: Transport,
  route: BulkRoute,
  { type, items, lines }: Batch,
  signal: AbortSignal,
): Promise<Sent> {
  const body = new TextEncoder().encode(lines);
  const call = {
    method: "POST",
    path: submitPath("submit-many", type),
    headers: { "content-type": "application/x-ndjson" },
    body: () => ({ init: body, failure: () => undefined, close: () => Promise.resolve() }),
    isRepeatable: true,
    answerMsMax: null,
    signal,
  } as const;
  try {
    const text = await transport.send(call, (answer) => answer.text());
    return readLines(text, items);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === "no-such-route") route.isOffered = false;
    else if (isGeneral(error)) throw error;
    return { outcomes: [], again: items }; // Alone, each gets an answer of its own.
  }
}

/** What each line says of its job. Jobs without a readable line are sent again, with their keys. */
function readLines(text: string, items: readonly Item[]): Sent {
  const outcomes: SubmitOutcome[] = [];
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  for (const line of lines.slice(0, items.length)) {
    const item = items[outcomes.length]!; // No more lines than items are looked at.
    const outcome = toOutcome(item, parseJson(line));
    if (outcome === null) break;
    outcomes.push(outcome);
  }
  return { outcomes, again: items.slice(outcomes.length) };
}

function toOutcome({ index, key }: Item, line: Json | undefined): SubmitOutcome | null {
  if (!isObject(line) || line.end === true) return null;
  const { created, id, seq } = line;
  if (typeof created === "string" && typeof id === "string" && typeof seq === "number") {
    const submitted = { key: created, id, seq, isReplay: line.replay === true };
    return { index, key, ok: true, submitted };
  }
  const problem = parseProblem(line.error);
  if (problem === null) return null;
  const { code, detail, status, info } = problem;
  return { index, key, ok: false, error: new ClientError(code, detail, { status, info }) };
}

/** The job in one line; null for streams, large payloads, and what the server would refuse anyway. */
function toLine({ job, key }: Item): string | null {
  const { payload, labels, ...options } = job;
  const bytes = bytesOf(payload);
  if (bytes === null || bytes.length > clientBulkPayloadBytesMax) return null;
  if (keyProblem(key) !== null) return null;
  const written =
    typeof payload === "string"
      ? { payload: payload.toWellFormed() }
      : { payload_base64: toBase64(bytes) };
  return `${JSON.stringify({ ...toWords({ ...options, key }), labels, ...written })}\n`;
}
