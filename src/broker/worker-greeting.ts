// How the conversation with a v2 worker begins: who it is, whether it may stay, and what becomes of all that it still
// has. Lists are answered in the order in which they came.

import { assert } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import { frameBodyBytesMax, heartbeatMs, lostMsMin } from "../domain/limits.ts";
import type { WorkerRef } from "../domain/job.ts";
import type { Log } from "../platform/log.ts";
import { closeCodes, type ServerSays, type WorkerHello } from "../protocol/worker-messages.ts";
import type { Roster } from "./roster.ts";
import type { Holdings, Named } from "./worker-holdings.ts";
import type { WorkerPeople } from "./worker-people.ts";
import type { Self, StepSelf } from "./worker-self.ts";
import type { WorkerWord } from "./worker-session.ts";
import { toWorkerRef } from "./worker-words.ts";

export type GreetingDeps = {
  readonly roster: Roster;
  readonly people: WorkerPeople;
  readonly log: Log;
  readonly carryOut: (work: Promise<unknown>) => void;
  /** As it is told to workers. */
  readonly serverName: string;
  readonly incarnation: number;
  /** The types that a hello names, each once; throws `no-such-type` for others. */
  readonly typesServed: (named: readonly string[]) => readonly string[];
};

type GreetingParts = GreetingDeps & {
  readonly holdings: Holdings;
  readonly step: StepSelf;
  /** Gives the worker a seat. */
  readonly sit: (
    self: Self,
    worker: WorkerRef,
    hello: WorkerHello,
    types: readonly string[],
  ) => void;
};

export type Greeting = {
  /** Answers a hello. */
  greet(self: Self, word: WorkerWord): void;
  /** Answers a further list of held attempts. */
  look(self: Self, word: WorkerWord): void;
};

export function createGreeting(parts: GreetingParts): Greeting {
  const { people, holdings, step } = parts;

  const inTurn = (self: Self, work: () => Promise<void>) => {
    const lists = (self.lists ?? Promise.resolve())
      .then(work)
      .catch((error: unknown) => {
        parts.log.error("worker.greeting_failed", error, { connection: self.socket.connection });
        const { overloaded: code } = closeCodes;
        step(self, { kind: "denied", flaw: null, code, reason: "try again" });
      })
      .finally(() => {
        if (self.lists === lists) self.lists = null;
      });
    self.lists = lists;
    parts.carryOut(lists);
  };
  const greet = async (self: Self, { said, held }: WorkerWord) => {
    assert(said.op === "hello", "a greeting answers a hello");
    const types = served(parts, said);
    if (types instanceof GridError) {
      const flaw = { code: types.code, detail: types.message };
      return step(self, { kind: "denied", flaw, code: closeCodes.forbidden, reason: types.code });
    }
    const worker = toWorkerRef(said);
    if (!(await people.enter(self.connection, { id: worker.id, bootId: said.boot_id }))) {
      const reason = "another live worker has this worker_id";
      return step(self, { kind: "denied", flaw: null, code: closeCodes.cloned, reason });
    }
    if (isOver(self)) return people.leave(self.connection, worker.id);
    parts.sit(self, worker, said, types);
    const named = held.length === 0 ? [] : await holdings.resume(self, held);
    if (isOver(self)) return;
    step(self, { kind: "welcomed", heldCount: tell(parts, self, welcome(parts), named) });
    if (parts.roster.isDraining(worker)) self.socket.send({ op: "drain" });
  };
  const look = async (self: Self, { held }: WorkerWord) => {
    if (self.seat === null || isOver(self)) return;
    const named = await holdings.resume(self, held);
    if (isOver(self)) return;
    step(self, { kind: "looked", heldCount: tell(parts, self, { op: "held" }, named) });
  };

  return {
    greet: (self, word) => inTurn(self, () => greet(self, word)),
    look: (self, word) => inTurn(self, () => look(self, word)),
  };
}

function served({ typesServed }: GreetingParts, { types }: WorkerHello) {
  try {
    return typesServed(types);
  } catch (error) {
    if (error instanceof GridError) return error;
    throw error;
  }
}

/** Tells the verdicts; answers how many attempts go on. */
function tell(
  { holdings }: GreetingParts,
  self: Self,
  header: ServerSays,
  named: readonly Named[],
): number {
  let heldCount = 0;
  const lines = named.map(({ line, hand }) => {
    if (hand === null) return line;
    hand.isNamed = true;
    if (hand.fate === "open" && holdings.isOpen(hand)) {
      hand.isCounted = true;
      heldCount += 1;
      return line;
    }
    holdings.remove(self, hand); // It ended while the others were looked up.
    return { ...line, do: hand.fate === "told" ? "cancel" : "abandon" };
  });
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  self.socket.send(header, new TextEncoder().encode(text));
  return heldCount;
}

/** Asked anew after each wait. */
function isOver({ session }: Self): boolean {
  return session.phase === "closed";
}

function welcome({ serverName, incarnation }: GreetingDeps): ServerSays {
  return {
    op: "welcome",
    server: serverName,
    incarnation,
    heartbeat_ms: heartbeatMs,
    lease_ms: lostMsMin,
    frame_body_bytes_max: frameBodyBytesMax,
    features: [],
  };
}
