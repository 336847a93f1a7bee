// Bytes on their way out, checked against the digest that came with them. A download that breaks off goes on where
// it stopped, as long as the server still has the same bytes.

import { clientStallMsMax } from "./limits.ts";
import type { Query } from "./address.ts";
import { ClientError, wordsOf } from "./client-error.ts";
import { fromBase64, toHex } from "./encoding.ts";
import type { Leash } from "./leash.ts";
import { stranger } from "./read-answer.ts";
import type { Transport } from "./request.ts";
import { isPassing, retryDelayMs } from "./retry.ts";
import { never, sleep } from "./runtime.ts";

export type Download = {
  readonly sha256: string;
  /** Null where the server does not say. */
  readonly size: number | null;
  readonly contentType: string;
  /** Fails with `digest-mismatch` at its end when the bytes are not those that were announced. Read or cancel it. */
  readonly stream: ReadableStream<Uint8Array>;
};

export type Source = {
  readonly path: readonly string[];
  readonly query: Query;
  /** Of the first request alone: what is continued waits no more. */
  readonly firstQuery?: Query;
  readonly answerMsMax?: number;
  readonly signal: AbortSignal | undefined;
};

type Opened = { readonly answer: Response; readonly leash: Leash };

/** A part of a download under way. */
type Part = { readonly reader: Reader; readonly leash: Leash };
/** The types of the runtimes differ in what else a reader can do. */
type Reader = {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
};

export async function openDownload(transport: Transport, source: Source): Promise<Download> {
  const { path, firstQuery, query, answerMsMax, signal } = source;
  const opened = await transport.open({
    method: "GET",
    path,
    query: { ...query, ...firstQuery },
    headers: plain,
    isRepeatable: true,
    ...(answerMsMax === undefined ? {} : { answerMsMax }),
    signal,
  });
  const { answer, leash } = opened;
  const sha256 = announcedSha256(answer.headers);
  if (sha256 === null) {
    leash.cut();
    throw stranger(answer);
  }
  const size = sizeOf(answer.headers);
  const chunks = createChunks(transport, source, { opened, sha256, size });
  return {
    sha256,
    size,
    contentType: answer.headers.get("content-type") ?? "application/octet-stream",
    stream: new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const next = await chunks.next();
          if (next === null) controller.close();
          else controller.enqueue(next);
        },
        cancel: () => chunks.close(),
      },
      { highWaterMark: 0 },
    ),
  };
}

/** All bytes of a download. */
export async function readAll({ stream, size }: Download): Promise<Uint8Array> {
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    total += value.length;
  }
  if (parts.length === 1 && total === size) return parts[0]!;
  const all = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

type Begun = { readonly opened: Opened; readonly sha256: string; readonly size: number | null };

function createChunks(transport: Transport, source: Source, begun: Begun) {
  const { runtime } = transport;
  const { sha256, size } = begun;
  const hash = runtime.createHash();
  let part: Part | null = toPart(begun.opened);
  let received = 0;
  let skip = 0; // Bytes that come once more.
  let tries = 0;

  const read = async (): Promise<Uint8Array | null> => {
    if (part === null) {
      const next = await reopen(transport, source, sha256, received);
      if (next === "complete") return null;
      part = toPart(next.opened);
      skip = received - next.start;
    }
    part.leash.limit(clientStallMsMax);
    const { done, value } = await part.reader.read();
    part.leash.limit(null);
    if (!done && value !== undefined) return value;
    if (size !== null && received < size) throw brokenOff(`it ended after ${received} bytes`);
    part.leash.end();
    return null;
  };
  /** Waits before another try, or throws when there is none. */
  const recover = async (error: unknown) => {
    part?.leash.cut();
    part = null;
    source.signal?.throwIfAborted();
    const failure = error instanceof ClientError ? error : brokenOff(error);
    tries += 1;
    const delayMs = retryDelayMs(failure, tries, runtime.fraction());
    if (delayMs === null || !isPassing(failure)) throw failure;
    await sleep(runtime, delayMs, source.signal ?? never);
  };
  return {
    async next(): Promise<Uint8Array | null> {
      for (;;) {
        const chunk = await read().catch(async (error: unknown) => {
          await recover(error);
          return "again" as const;
        });
        if (chunk === "again") continue;
        if (chunk === null) {
          requireSame(sha256, toHex(hash.digest()));
          return null;
        }
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        if (fresh.length === 0) continue;
        tries = 0;
        received += fresh.length;
        hash.update(fresh);
        return fresh;
      }
    },
    close(): void {
      part?.leash.cut();
    },
  };
}

/** Asks for what is missing. `start` is where the answer begins; "complete" when nothing was missing. */
async function reopen(transport: Transport, source: Source, sha256: string, received: number) {
  const { path, query, signal } = source;
  const range = { range: `bytes=${received}-`, "if-range": `"${sha256}"` };
  const headers = received === 0 ? plain : { ...plain, ...range };
  const opened = await transport
    .open({ method: "GET", path, query, headers, isRepeatable: true, signal })
    .catch((error: unknown) => {
      const isAtEnd = error instanceof ClientError && error.code === "range-not-satisfiable";
      if (isAtEnd && error.info.size === received) return "complete" as const;
      throw error;
    });
  if (opened === "complete") return opened;
  const { answer, leash } = opened;
  const start = answer.status === 206 ? startOf(answer.headers) : 0;
  if (announcedSha256(answer.headers) === sha256 && start !== null && start <= received) {
    return { opened, start };
  }
  leash.cut();
  const sentence = "The bytes changed while they were downloaded. Download them again.";
  throw new ClientError("digest-mismatch", sentence, { status: answer.status });
}

function toPart({ answer, leash }: Opened): Part {
  const body = (answer.body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>;
  return { reader: body.getReader(), leash };
}

/** The SHA-256 of the whole as 64 hex digits. A compressing proxy weakens the ETag; the digest stays. */
function announcedSha256(headers: Headers): string | null {
  const [, base64 = null] =
    /(?:^|[, ])sha-256=:([A-Za-z0-9+/=]+):/.exec(headers.get("repr-digest") ?? "") ?? [];
  const digest = base64 === null ? null : fromBase64(base64);
  if (digest !== null) return toHex(digest);
  return /^(?:W\/)?"([0-9a-f]{64})"$/.exec(headers.get("etag") ?? "")?.[1] ?? null;
}

/** What a compressing proxy says of the length is not about our bytes. */
function sizeOf(headers: Headers): number | null {
  const text = headers.get("content-length");
  return text === null || headers.has("content-encoding") ? null : Number(text);
}

function startOf(headers: Headers): number | null {
  const [, start = null] = /^bytes ([0-9]+)-/.exec(headers.get("content-range") ?? "") ?? [];
  return start === null ? null : Number(start);
}

function requireSame(announced: string, arrived: string): void {
  if (announced === arrived) return;
  throw new ClientError(
    "digest-mismatch",
    `The bytes that came have the SHA-256 ${arrived}, but ${announced} was announced. Download them again.`,
  );
}

function brokenOff(error: unknown): ClientError {
  return new ClientError("unreachable", `The download broke off: ${wordsOf(error)}.`, {
    cause: error,
  });
}

/** Bytes as they are: a compressed body cannot be continued. Browsers decide this themselves. */
const plain = { "accept-encoding": "identity" };
