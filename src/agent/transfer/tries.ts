// How a transfer gets through a network that breaks: a try, a pause with jitter, another try from where it stopped;
// no try hangs in which nothing moves, and tries that move nothing come to an end.

import { wordsOf } from "../../client/client-error.ts";
import {
  quietLinkMs,
  transferAgainMsFirst,
  transferAgainMsMax,
  transferAnswerBytesMax,
  transferStallMs,
  transferTryCountMax,
} from "../../domain/limits-worker.ts";
import type { Clock } from "../../platform/clock.ts";
import type { MemoryPressure } from "../../platform/memory-pressure.ts";
import type { Random } from "../../platform/random.ts";
import type { WebFetch } from "../../platform/web-fetch.ts";
import { parseProblem, type Problem } from "../../protocol/problem.ts";

export type Hash = { update(bytes: Uint8Array): void; hex(): string };

export type TransferDeps = {
  readonly fetch: WebFetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly createHash: () => Hash;
  readonly pressure: MemoryPressure;
  /** With a slash at its end. */
  readonly apiUrl: string;
};

/** `code` is from the closed list, or `unreachable`; `detail` a sentence. */
export type Refused = { readonly kind: "refused"; readonly code: string; readonly detail: string };

export type Stopped = { readonly kind: "stopped" };

/** It broke off, and `why` says so in words. `hasMoved`: it came further than the try before. */
export type Again = { readonly kind: "again"; readonly why: string; readonly hasMoved: boolean };

/** Tries until there is an end. Gives up after some tries in a row in which nothing moved. `onTry` hears of each. */
export async function untilEnd<End extends { readonly kind: string }>(
  { clock, random }: TransferDeps,
  stop: AbortSignal,
  tryOnce: (leash: Leash) => Promise<End | Again>,
  onTry: (leash: Leash) => void = () => {},
): Promise<Exclude<End, Again> | Stopped | Refused> {
  let tries = 0;
  while (!stop.aborted) {
    const leash = createLeash(clock, stop);
    onTry(leash);
    const ended = await tryOnce(leash).finally(() => leash.end());
    if (!isAgain(ended)) return ended as Exclude<End, Again>; // That is what isAgain() tells.
    tries = ended.hasMoved ? 1 : tries + 1;
    if (tries > transferTryCountMax) {
      return { kind: "refused", code: "unreachable", detail: `${ended.why}, again and again.` };
    }
    const boundMs = Math.min(transferAgainMsMax, transferAgainMsFirst * 2 ** (tries - 1));
    await clock.sleep(boundMs * random.fraction(), stop);
  }
  return { kind: "stopped" };
}

function isAgain(ended: { readonly kind: string }): ended is Again {
  return ended.kind === "again";
}

/** Cuts a request off in which nothing moves, and with its owner's signal. */
export type Leash = {
  readonly signal: AbortSignal;
  moved(): void;
  /** From now on so long without a movement. */
  limit(ms: number): void;
  /** The way to the server was lost meanwhile: cuts off what has not moved for a while. */
  nudge(): void;
  end(): void;
};

function createLeash(clock: Clock, stop: AbortSignal): Leash {
  const controller = new AbortController();
  let movedMs = clock.monotonicMs();
  let limitMs = transferStallMs;
  const cut = () => controller.abort(stop.reason);
  const look = () => {
    const leftMs = movedMs + limitMs - clock.monotonicMs();
    if (leftMs <= 0) return controller.abort(new Error("nothing moved for too long"));
    timer = clock.after(leftMs, look);
  };
  let timer = clock.after(limitMs, look);
  stop.addEventListener("abort", cut);
  return {
    signal: controller.signal,
    moved() {
      movedMs = clock.monotonicMs();
    },
    limit(ms) {
      limitMs = ms;
      movedMs = clock.monotonicMs();
      timer.cancel();
      timer = clock.after(ms, look);
    },
    nudge() {
      if (clock.monotonicMs() - movedMs < quietLinkMs) return;
      controller.abort(new Error("the way to the server was lost"));
    },
    end() {
      timer.cancel();
      stop.removeEventListener("abort", cut);
      controller.abort(); // Whatever of the answer nobody read.
    },
  };
}

/** An error of the network in words, for `again`. */
export function whyBroken(error: unknown): string {
  return `The connection broke off: ${wordsOf(error)}`;
}

/** What the server itself says; null when something between may have answered, which says nothing of the job. */
export async function problemOf(answer: Response): Promise<Problem | null> {
  const declared = Number(answer.headers.get("content-length") ?? "0");
  if (declared > transferAnswerBytesMax) return null;
  try {
    return parseProblem(JSON.parse(await answer.text()));
  } catch {
    return null;
  }
}
