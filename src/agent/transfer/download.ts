// A job's large payload, from the server into a file: hashed while it comes, gone on with where it broke off.

import { GridError } from "../../domain/errors.ts";
import { openReceived, type ReceivedFile } from "../../platform/received-file.ts";
import { ownPayloadUrl, toPayloadPlace, type PayloadPlace } from "./address.ts";
import type { AttemptName } from "../conversation/conversation-words.ts";
import { problemOf, untilEnd, whyBroken } from "./tries.ts";
import type { Again, Hash, Leash, Refused, Stopped, TransferDeps } from "./tries.ts";

export type PayloadWanted = AttemptName & {
  /** As the job said it. */
  readonly url: string;
  readonly token: string;
  readonly sha256: string;
  readonly size: number;
  readonly path: string;
};

export type DownloadEnd = { readonly kind: "done" } | Stopped | Refused;

export async function download(
  deps: TransferDeps,
  wanted: PayloadWanted,
  stop: AbortSignal,
): Promise<DownloadEnd> {
  const place = placeOf(deps, wanted.url);
  if (place instanceof GridError) {
    return { kind: "refused", code: place.code, detail: place.message };
  }
  const file = await openReceived(wanted.path);
  try {
    const arrival = createArrival(deps, wanted, file);
    const step = { place, wanted, arrival };
    let damagedCount = 0;
    return await untilEnd(deps, stop, async (leash) => {
      const ended = await tryOnce(deps, { ...step, leash });
      const isExpired = ended.kind === "refused" && !step.place.isOurs;
      if (!isExpired && ended.kind !== "damaged") return ended;
      damagedCount += isExpired ? 0 : 1;
      if (damagedCount > 1) return damaged;
      // The server's own door has it always: a place elsewhere may expire, or hold something else.
      step.place = toPayloadPlace(deps.apiUrl, ownPayloadUrl(wanted.job, wanted.attempt));
      const why = isExpired ? ended.detail : damaged.detail;
      return { kind: "again", why, hasMoved: false } as const;
    });
  } finally {
    await file.close();
  }
}

const damaged = {
  kind: "refused",
  code: "digest-mismatch",
  detail: "The payload that arrived does not fit its SHA-256, twice.",
} as const;

/** What has arrived so far. */
type Arrival = {
  bytes(): number;
  take(chunk: Uint8Array): Promise<void>;
  beginAnew(): Promise<void>;
  /** Ends the hash. */
  isWhole(): boolean;
};

function createArrival(
  { createHash, pressure }: TransferDeps,
  { sha256, size }: PayloadWanted,
  file: ReceivedFile,
): Arrival {
  let hash: Hash = createHash();
  let bytes = 0;
  return {
    bytes: () => bytes,
    async take(chunk) {
      bytes += chunk.length;
      if (bytes > size) return; // It will not fit; its owner sees that at the end.
      hash.update(chunk);
      await file.write(chunk);
      pressure.passed(chunk.length);
    },
    async beginAnew() {
      hash = createHash();
      bytes = 0;
      await file.beginAnew();
    },
    isWhole: () => bytes === size && hash.hex() === sha256,
  };
}

type Step = {
  readonly place: PayloadPlace;
  readonly wanted: PayloadWanted;
  readonly arrival: Arrival;
  readonly leash: Leash;
};

async function tryOnce(
  deps: TransferDeps,
  step: Step,
): Promise<DownloadEnd | Again | { readonly kind: "damaged" }> {
  const { wanted, arrival, leash } = step;
  const before = arrival.bytes();
  const again = (why: string) =>
    ({ kind: "again", why, hasMoved: arrival.bytes() > before }) as const;
  const answer = await ask(deps, step).catch((error: unknown) => again(whyBroken(error)));
  if (!(answer instanceof Response)) return answer;
  if (answer.status === 416) {
    await arrival.beginAnew();
    return again("What has arrived lies outside of the payload");
  }
  if (!answer.ok || answer.body === null) return refusal(step, answer, again);
  if (before > 0 && !isContinued(answer, before)) await arrival.beginAnew();
  try {
    for await (const chunk of piecesOf(answer.body)) {
      leash.moved();
      await arrival.take(chunk);
      if (arrival.bytes() > wanted.size) break;
    }
  } catch (error) {
    if (!isNetwork(error, leash)) throw error;
    return again(whyBroken(error));
  }
  // An answer of a known length that came to its end is whole: it is something else.
  const isCut = arrival.bytes() < wanted.size && !answer.headers.has("content-length");
  if (isCut) return again("The connection ended before the payload did");
  if (arrival.isWhole()) return { kind: "done" };
  await arrival.beginAnew();
  return { kind: "damaged" };
}

async function ask(
  { fetch: request }: TransferDeps,
  { place, wanted, arrival, leash }: Step,
): Promise<Response> {
  const start = arrival.bytes();
  const range = { range: `bytes=${start}-`, "if-range": `"${wanted.sha256}"` };
  return request(place.url, {
    headers: {
      ...(place.isOurs && { "gridlike-attempt-token": wanted.token }),
      "accept-encoding": "identity",
      ...(start > 0 && range),
    },
    redirect: "error",
    signal: leash.signal,
  });
}

/** Bytes of an answer, each of them a failed network when it fails. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new BrokenOff("broken off", { cause: error });
    });
    if (done) return;
    yield value;
  }
}

class BrokenOff extends Error {}

function isNetwork(error: unknown, leash: Leash): boolean {
  return error instanceof BrokenOff || leash.signal.aborted;
}

function isContinued(answer: Response, start: number): boolean {
  const range = answer.headers.get("content-range") ?? "";
  return answer.status === 206 && range.startsWith(`bytes ${start}-`);
}

/** Server errors pass; what is said of this attempt stays. */
async function refusal(
  step: Step,
  answer: Response,
  again: (why: string) => Again,
): Promise<DownloadEnd | Again> {
  const problem = await problemOf(answer);
  const isElsewhere = !step.place.isOurs && (answer.status === 403 || answer.status === 404);
  if (isElsewhere) return { kind: "refused", code: "forbidden", detail: "The address expired." };
  if (problem === null || answer.status >= 500 || answer.status === 429) {
    return again(`The server answered ${answer.status}`);
  }
  return { kind: "refused", code: problem.code, detail: problem.detail };
}

function placeOf({ apiUrl }: TransferDeps, url: string): PayloadPlace | GridError {
  try {
    return toPayloadPlace(apiUrl, url);
  } catch (error) {
    if (error instanceof GridError) return error;
    throw error;
  }
}
