// Submitting and running jobs over a connection: small payloads through the outbox, everything else by a request of
// its own, after which the job is followed like the others.

import { keyProblem } from "../../domain/key.ts";
import { frameBodyBytesMax } from "../../domain/limits.ts";
import type { SettledMessage, SubmittedMessage } from "../../protocol/client-messages.ts";
import { ClientError, isGeneral } from "../client-error.ts";
import { bytesOf, type Payload } from "../payload.ts";
import type { Transport } from "../request.ts";
import type { JobResult } from "../results.ts";
import { makeKey, submit, toWords, type SubmitOptions, type Submitted } from "../submit.ts";
import type { Awaited } from "./awaited.ts";
import type { Ended, Endings } from "./endings.ts";
import type { Outbox } from "./outbox.ts";
import { pending } from "./pending.ts";

export type RunningDeps = {
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly awaited: Awaited;
  readonly endings: Endings;
  /** There is work for a link. */
  readonly want: () => void;
};

export type Running = {
  submit(payload: Payload, options: SubmitOptions): Promise<Submitted>;
  run(payload: Payload, options: SubmitOptions): Promise<JobResult>;
};

type Keyed = SubmitOptions & { readonly key: string };

export function createRunning(deps: RunningDeps): Running {
  const { transport, outbox, awaited, endings, want } = deps;

  const toKeyed = (options: SubmitOptions): Keyed => {
    const key = options.key ?? makeKey(transport.runtime);
    const problem = keyProblem(key);
    if (problem !== null) throw new ClientError("malformed", problem);
    return { ...options, key };
  };
  const submitSmall = (body: Uint8Array, options: Keyed) =>
    pending<Submitted>(options.signal, (resolve, reject) => {
      const onSubmitted = (said: SubmittedMessage) => resolve(toSubmitted(said));
      const words = wordsOf(options);
      const drop = outbox.add({
        options: words,
        body,
        isRun: false,
        onSubmitted,
        onFailed: reject,
      });
      want();
      return drop;
    });
  const runSmall = (body: Uint8Array, options: Keyed) =>
    pending<Ended>(options.signal, (resolve, reject) => {
      const waiter = waiterOf(resolve, reject);
      const onSubmitted = ({ re, job }: SubmittedMessage) => {
        drop = awaited.keep(re, job, waiter);
      };
      const words = wordsOf(options);
      let drop = outbox.add({ options: words, body, isRun: true, onSubmitted, onFailed: reject });
      want();
      return () => drop();
    });
  const runLarge = async (payload: Payload, options: Keyed): Promise<Ended> => {
    const { id } = await submit(transport, payload, options);
    return pending<Ended>(options.signal, (resolve, reject) => {
      const drop = awaited.follow(id, waiterOf(resolve, reject));
      want();
      return drop;
    });
  };

  return {
    async submit(payload, options) {
      const keyed = toKeyed(options);
      const small = smallBytesOf(payload);
      if (small === null) return submit(transport, payload, keyed);
      try {
        return await submitSmall(small, keyed);
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        return submit(transport, payload, keyed); // This server's messages are smaller than we thought.
      }
    },
    async run(payload, options) {
      const keyed = toKeyed(options);
      const { key, signal } = keyed;
      const small = smallBytesOf(payload);
      try {
        const ended = await (
          small === null ? runLarge(payload, keyed) : runSmall(small, keyed)
        ).catch((error: unknown) => {
          if (small === null || !isTooLarge(error)) throw error;
          return runLarge(payload, keyed);
        });
        return { job: key, ok: true, bytes: await endings.bytesOf(ended, signal) };
      } catch (error) {
        if (!(error instanceof ClientError) || isGeneral(error)) throw error;
        return { job: key, ok: false, error };
      }
    },
  };
}

function waiterOf(resolve: (ended: Ended) => void, reject: (error: unknown) => void) {
  return {
    onSettled: (said: SettledMessage, body: Uint8Array) => resolve({ said, body: body.slice() }),
    onFailed: reject,
  };
}

function toSubmitted({ key, job: id, seq, replay }: SubmittedMessage): Submitted {
  return { key, id, seq, isReplay: replay };
}

function wordsOf(options: Keyed): { readonly [name: string]: unknown } {
  return { type: options.type, ...toWords(options) };
}

function smallBytesOf(payload: Payload): Uint8Array | null {
  const bytes = bytesOf(payload);
  return bytes !== null && bytes.length <= frameBodyBytesMax ? bytes : null;
}

function isTooLarge(error: unknown): boolean {
  return error instanceof ClientError && error.code === "payload-too-large";
}
