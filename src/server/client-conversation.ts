// What a client says on its socket, and what is done about it: submissions go to the intake, watches to the broker.
// What is wrong with one message is told of that message alone; only what cannot be answered ends the connection.

import type { Broker } from "../broker/broker.ts";
import type { NamedJob, WatchBook } from "../broker/watch-book.ts";
import type { Wish } from "../broker/watches.ts";
import { unreachable } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import { parseJobRef } from "../domain/key.ts";
import { clientSubmitBytesMax, clientSubmitCountMax } from "../domain/limits-server.ts";
import { frameBodyBytesMax } from "../domain/limits.ts";
import type { Log } from "../platform/log.ts";
import {
  parseClientMessage,
  type ClientTold,
  type SubmitMessage,
  type WatchMessage,
} from "../protocol/client-messages.ts";
import type { Message } from "../protocol/frame.ts";
import type { ClientIntake } from "./client-intake.ts";
import { toRefused, toSubmitted, toTold } from "./client-words.ts";

export type ClientConversation = {
  /** Throws `malformed` for what cannot be answered: the connection ends with it. */
  hear(message: Message): void;
  /** Whether so much is unanswered that nothing more should be read. */
  isFull(): boolean;
  closed(): void;
};

export type ClientConversationDeps = {
  readonly broker: Pick<Broker, "openWatches">;
  readonly intake: ClientIntake;
  readonly log: Log;
  readonly say: (header: ClientTold, body?: Uint8Array) => void;
  readonly hasRoom: () => boolean;
  readonly untilRoom: () => Promise<void>;
  /** A submission was answered. */
  readonly onAnswered: () => void;
};

export function createClientConversation(deps: ClientConversationDeps): ClientConversation {
  const { intake, log, say, hasRoom, untilRoom, onAnswered } = deps;
  const book: WatchBook = deps.broker.openWatches({
    tell(re, news) {
      const { header, body } = toTold(re, news);
      say(header, body);
    },
    hasRoom,
    untilRoom,
  });
  const numbers = new Set<number>(); // Of submissions that are unanswered.
  let unansweredBytes = 0;
  let awaitedCount = 0;
  let isClosed = false;

  const submit = (message: SubmitMessage, payload: Uint8Array) => {
    const { id } = message;
    requireFree(id);
    if (payload.length > frameBodyBytesMax) throw tooLarge(payload.length);
    const wish = wishOf(message);
    const isFollowed = message.watch || message.with_result || message.progress;
    if (isFollowed) book.requireRoom(awaitedCount + 1);
    numbers.add(id);
    unansweredBytes += payload.length;
    if (isFollowed) awaitedCount += 1;
    intake.put({
      message,
      payload,
      answer(outcome) {
        numbers.delete(id);
        unansweredBytes -= payload.length;
        if (isFollowed) awaitedCount -= 1;
        if (isClosed) return;
        if (outcome.kind === "refused") say(toRefused(id, outcome.error));
        else {
          const { seq, key, isReplay } = outcome.submitted;
          say(toSubmitted(id, outcome.submitted));
          if (isFollowed && isReplay) follow(id, [{ name: key, ref: { by: "seq", seq } }], wish);
          else if (isFollowed) book.followNew(id, seq, wish);
        }
        onAnswered();
      },
    });
  };
  const follow = (re: number, named: readonly NamedJob[], wish: Wish) =>
    answerFor(re, book.follow(re, named, wish));
  const watch = (message: WatchMessage) => {
    const { id, jobs, group } = message;
    requireFree(id);
    const wish = wishOf(message);
    if (jobs !== undefined) follow(id, jobs.map(toNamed), wish);
    if (group !== undefined) answerFor(id, book.followGroup(id, group, wish));
  };
  /** Never rejects, and need not be awaited: what goes wrong is told. */
  const answerFor = (re: number, work: Promise<void>) => {
    work.catch((error: unknown) => {
      book.end(re);
      if (!(error instanceof GridError)) log.error("client.watch_failed", error);
      const known = error instanceof GridError ? error : internal();
      if (!isClosed) say(toRefused(re, known));
    });
  };
  const requireFree = (id: number) => {
    if (!numbers.has(id) && !book.has(id)) return;
    const sentence = `The id ${id} is in use: what it began has not ended. Count on.`;
    throw new GridError("malformed", sentence);
  };
  const obey = ({ header, body }: Message) => {
    const said = parseClientMessage(header);
    if (said === "unknown-op") throw unknownOp(header.op);
    switch (said.op) {
      case "submit":
        return submit(said, body);
      case "watch":
        return watch(said);
      case "unwatch":
        return book.end(said.id);
      case "beat":
        return say({ op: "beat", re: said.id });
      default:
        return unreachable(said);
    }
  };

  return {
    hear(message) {
      try {
        obey(message);
      } catch (error) {
        if (!(error instanceof GridError)) throw error;
        const { id } = message.header;
        // Nobody could tell what an answer without a number is about.
        if (!isNumber(id) && error.code === "malformed") throw error;
        say({ ...toRefused(isNumber(id) ? id : undefined, error) });
      }
    },
    isFull: () => numbers.size >= clientSubmitCountMax || unansweredBytes >= clientSubmitBytesMax,
    closed() {
      isClosed = true;
      book.close();
    },
  };
}

function wishOf({ changes, with_result, progress }: SubmitMessage | WatchMessage): Wish {
  return { changes, withResult: with_result, progress };
}

function toNamed(name: string | number): NamedJob {
  const ref = typeof name === "number" ? ({ by: "seq", seq: name } as const) : parseJobRef(name);
  return { name, ref };
}

function isNumber(id: unknown): id is number {
  return typeof id === "number" && Number.isSafeInteger(id) && id >= 0;
}

function tooLarge(size: number): GridError {
  return new GridError(
    "payload-too-large",
    `The payload has ${size} bytes; on this socket the most is ${frameBodyBytesMax}. Send it by POST /api/jobs/submit.`,
    { frame_body_bytes_max: frameBodyBytesMax },
  );
}

function unknownOp(op: string): GridError {
  return new GridError("unknown-op", `There is no message "${op.slice(0, 64)}" here.`);
}

function internal(): GridError {
  return new GridError("internal", "The server failed; its log has the reason.");
}
