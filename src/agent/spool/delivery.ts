// Tells the server how attempts ended: small ends as a message, large results by an upload. Paced, so that a spool
// full of them neither fills the memory nor holds up the socket.

import { join } from "node:path";
import { linkLookMs, spoolReadCountMax } from "../../domain/limits-worker.ts";
import type { Clock } from "../../platform/clock.ts";
import { errorCodeOf, removeIfThere } from "../../platform/durable-files.ts";
import type { Log } from "../../platform/log.ts";
import { writeScratch } from "../../platform/scratch-file.ts";
import { nameOf } from "../conversation/attempts.ts";
import type { AttemptName, Input } from "../conversation/conversation-words.ts";
import type { Link } from "../conversation/link.ts";
import { toEndMessage, type Ended, type Finished } from "./outcome.ts";
import type { Spool } from "./spool.ts";
import type { Transfers } from "../transfer/transfer.ts";
import type { Leash } from "../transfer/tries.ts";
import { createTurnstile } from "../transfer/turnstile.ts";
import type { UploadEnd } from "../transfer/upload.ts";

export type DeliveryDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: Pick<Spool, "get" | "pathOf">;
  readonly transfers: Pick<Transfers, "upload">;
  readonly tell: (input: Input) => void;
  /** The one that stands now. What is told goes to the link that stood when it was asked for, or nowhere. */
  readonly link: () => Link | null;
  /** The most that travels within a message. */
  readonly bodyBytesMax: () => number;
  readonly scratchFolder: string;
};

type Upload = { readonly stop: AbortController; leash: Leash | null };

export type Delivery = {
  deliver(name: AttemptName, id: number): void;
  /** Nobody waits for it any more. */
  forget(name: AttemptName): void;
  stop(): void;
};

export function createDelivery(deps: DeliveryDeps): Delivery {
  const { clock, log, spool, tell } = deps;
  const messages = createTurnstile(spoolReadCountMax);
  const uploads = new Map<string, Upload>();
  const stopped = new AbortController();

  const say = async (name: AttemptName, id: number) => {
    const link = deps.link();
    const isStale = () => link === null || deps.link() !== link || stopped.signal.aborted;
    while (!isStale() && link?.isBehind() === true) await clock.sleep(linkLookMs, stopped.signal);
    if (isStale()) return;
    const ended = await spool.get(name);
    if (ended === null) return tell(lost(name));
    if (isLarge(ended)) return void upload(ended);
    if (isStale()) return;
    const { header, body } = toEndMessage(ended, id);
    link?.send(header, body);
  };
  const isLarge = (ended: Ended): ended is Finished =>
    ended.kind === "finished" && (ended.bytes === null || ended.bytes.length > deps.bodyBytesMax());
  /** Goes on without a link: its answer is the receipt. Asked for again, the link was lost, and perhaps its way too. */
  const upload = async (ended: Finished) => {
    const key = nameOf(ended);
    const former = uploads.get(key);
    if (former !== undefined) return former.leash?.nudge();
    const begun: Upload = { stop: new AbortController(), leash: null };
    uploads.set(key, begun);
    try {
      answer(ended, await send(ended, begun));
    } catch (error) {
      log.error("upload.failed", error, { job: ended.job, attempt: ended.attempt });
      const isGone = errorCodeOf(error) === "ENOENT";
      tell(isGone ? lost(ended) : undelivered(ended, "internal", "The disk failed."));
    } finally {
      uploads.delete(key);
    }
  };
  const send = async (ended: Finished, begun: Upload): Promise<UploadEnd> => {
    const stop = begun.stop.signal;
    const onTry = (leash: Leash) => {
      begun.leash = leash;
    };
    const { job, attempt, token, sha256, size, contentType, bytes } = ended;
    const made = { job, attempt, token, sha256, size, contentType };
    if (bytes === null)
      return deps.transfers.upload({ ...made, path: spool.pathOf(ended) }, stop, onTry);
    const path = join(deps.scratchFolder, `${nameOf(ended)}.result`);
    try {
      await writeScratch(path, once(bytes));
      return await deps.transfers.upload({ ...made, path }, stop, onTry);
    } finally {
      await removeIfThere(path);
    }
  };
  const answer = (name: AttemptName, end: UploadEnd) => {
    const { job, attempt } = name;
    if (end.kind === "receipt") tell({ kind: "uploaded", job, attempt, verdict: end.verdict });
    if (end.kind === "refused") tell(undelivered(name, end.code, end.detail));
  };

  return {
    deliver(name, id) {
      void messages
        .pass(() => say(name, id))
        .catch((error: unknown) => {
          log.error("delivery.failed", error, { job: name.job, attempt: name.attempt });
          tell(undelivered(name, "internal", "The disk failed."));
        });
    },
    forget: (name) => uploads.get(nameOf(name))?.stop.abort(),
    stop() {
      stopped.abort();
      for (const { stop } of uploads.values()) stop.abort();
    },
  };
}

function undelivered({ job, attempt }: AttemptName, code: string, detail: string): Input {
  return { kind: "undelivered", job, attempt, code, detail };
}

function lost(name: AttemptName): Input {
  return undelivered(name, "malformed", "The worker's copy of the result was damaged.");
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}
