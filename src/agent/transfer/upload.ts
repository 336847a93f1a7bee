// A large result on its way to the server. The first request sends it as one part from the first byte to the last,
// so that the server keeps what arrives when the connection breaks; then the server is asked how far it is.

import { blobChunkBytesMax } from "../../domain/limits.ts";
import { transferAnswerMsMax, transferStallMs } from "../../domain/limits-worker.ts";
import { openSource, type SourceFile } from "../../platform/source-file.ts";
import type { ReceiptVerdict } from "../../protocol/worker-messages.ts";
import { toResultUrl } from "./address.ts";
import { problemOf, untilEnd, whyBroken } from "./tries.ts";
import type { Again, Leash, Refused, Stopped, TransferDeps } from "./tries.ts";

export type ResultMade = {
  readonly job: string;
  readonly attempt: number;
  readonly token: string;
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly contentType: string | null;
};

export type UploadEnd =
  { readonly kind: "receipt"; readonly verdict: ReceiptVerdict } | Stopped | Refused;

export async function upload(
  deps: TransferDeps,
  made: ResultMade,
  stop: AbortSignal,
  onTry?: (leash: Leash) => void,
): Promise<UploadEnd> {
  const file = await openSource(made.path);
  try {
    let tries = 0;
    let furthest = 0;
    const tryAgain = async (leash: Leash): Promise<UploadEnd | Again> => {
      tries += 1;
      const offset = tries === 1 ? 0 : await offsetAt(deps, made, leash);
      if (typeof offset !== "number") return offset;
      // Only what the server has counts: what was sent may never have arrived.
      const hasMoved = offset > furthest;
      furthest = Math.max(furthest, offset);
      const ended = await tryOnce(deps, { made, file, offset, leash });
      return ended.kind === "again" ? { ...ended, hasMoved } : ended;
    };
    return await untilEnd(deps, stop, tryAgain, onTry);
  } finally {
    await file.close();
  }
}

/** How far the server is. A result that stands whole is sent from its last byte on, to hear the verdict. */
async function offsetAt(
  { apiUrl, fetch: request }: TransferDeps,
  { job, attempt, token, size }: ResultMade,
  leash: Leash,
): Promise<number | Again> {
  try {
    const answer = await request(toResultUrl(apiUrl, job, attempt), {
      method: "HEAD",
      headers: { "gridlike-attempt-token": token },
      redirect: "error",
      signal: leash.signal,
    });
    // An answer to HEAD has no words: those to the result itself tell what is wrong.
    if (answer.status === 403 || answer.status === 404) return 0;
    if (!answer.ok) return again(`The server answered ${answer.status}`);
    return offsetIn(answer.headers, size);
  } catch (error) {
    return again(whyBroken(error));
  }
}

type Step = {
  readonly made: ResultMade;
  readonly file: SourceFile;
  readonly offset: number;
  readonly leash: Leash;
};

async function tryOnce(deps: TransferDeps, step: Step): Promise<UploadEnd | Again> {
  const { made, file, offset, leash } = step;
  const { size } = made;
  if ((await file.size()) !== size) return refused("digest-mismatch", damaged);
  const digest = offset === 0 ? made.sha256 : await sha256From(deps, file, offset);
  let sentBytes = 0;
  const body = createBody(deps, step, (bytes) => {
    sentBytes += bytes;
    // Then the server reads it once more before it answers.
    if (offset + sentBytes === size) leash.limit(transferAnswerMsMax);
    else leash.moved();
  });
  const broken = (error: unknown) => {
    const ofDisk = body.error();
    if (ofDisk !== null) throw ofDisk;
    return again(whyBroken(error));
  };
  const headers = {
    "gridlike-attempt-token": made.token,
    ...(made.contentType !== null && { "content-type": made.contentType }),
    "content-length": String(size - offset),
    "content-range": `bytes ${offset}-${size - 1}/${size}`,
    "content-digest": `sha-256=:${Uint8Array.fromHex(digest).toBase64()}:`,
  };
  try {
    const answer = await deps.fetch(toResultUrl(deps.apiUrl, made.job, made.attempt), {
      method: "PUT",
      headers,
      body: body.stream,
      redirect: "error",
      signal: leash.signal,
    });
    leash.limit(transferStallMs);
    return await readAnswer(answer);
  } catch (error) {
    return broken(error);
  }
}

type Body = {
  readonly stream: ReadableStream<Uint8Array>;
  /** Of the file, not of the network. */
  error(): Error | null;
};

/** Read when there is room for it, and no sooner. */
function createBody(
  { pressure }: TransferDeps,
  { file, offset }: Step,
  sent: (bytes: number) => void,
): Body {
  let at = offset;
  let failed: Error | null = null;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await file.read(at, blobChunkBytesMax).catch((error: unknown) => {
          failed = error instanceof Error ? error : new Error(String(error));
          throw failed;
        });
        at += bytes.length;
        sent(bytes.length);
        pressure.passed(bytes.length);
        try {
          if (bytes.length === 0) controller.close();
          else controller.enqueue(bytes);
        } catch {
          // The request ended meanwhile, and its stream with it: the request tells why.
        }
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, error: () => failed };
}

async function readAnswer(answer: Response): Promise<UploadEnd | Again> {
  if (answer.status === 202) return again("The server waits for the rest");
  if (answer.ok) {
    const said: unknown = await answer.json().catch(() => null);
    const verdict = verdictIn(said);
    return verdict === null
      ? again("The answer is not that of a GridLike server")
      : { kind: "receipt", verdict };
  }
  if (answer.status === 416) return again("The server has another part of the result");
  const problem = await problemOf(answer);
  if (problem !== null && decided.has(problem.code)) return refused(problem.code, problem.detail);
  return again(problem?.detail ?? `The server answered ${answer.status}`);
}

/** What another try would not change, or not soon. A body that was cut short for its slowness is called malformed. */
const decided = new Set(
  "payload-too-large digest-mismatch no-such-job forbidden unauthenticated disk-low".split(" "),
);

const verdicts = new Set(["committed", "superseded", "abandon", "conflict"]);

function verdictIn(said: unknown): ReceiptVerdict | null {
  if (typeof said !== "object" || said === null || !("verdict" in said)) return null;
  const { verdict } = said;
  return typeof verdict === "string" && verdicts.has(verdict) ? (verdict as ReceiptVerdict) : null;
}

async function sha256From(
  { createHash, pressure }: TransferDeps,
  file: SourceFile,
  offset: number,
): Promise<string> {
  const hash = createHash();
  for (let at = offset; ;) {
    const bytes = await file.read(at, blobChunkBytesMax);
    if (bytes.length === 0) return hash.hex();
    hash.update(bytes);
    pressure.passed(bytes.length);
    at += bytes.length;
  }
}

function offsetIn(headers: Headers, size: number): number {
  const offset = Number(headers.get("upload-offset") ?? "0");
  if (!Number.isSafeInteger(offset) || offset < 0) return 0;
  return Math.min(offset, size - 1);
}

function again(why: string): Again {
  return { kind: "again", why, hasMoved: false };
}

function refused(code: string, detail: string): Refused {
  return { kind: "refused", code, detail };
}

const damaged = "The result's file has another size than it was kept with.";
