// The worker's end of its relationship with one server, across reconnects. Decides, and does nothing: links,
// timers, files and programs stand outside, so that every order of events can be tried. It lives as long as the
// agent; an attempt stays in it until the server said what is to become of it. Chance enters as a number.

import { unreachable } from "../../domain/assert.ts";
import { cutToBytes } from "../../domain/cut-text.ts";
import { beatHoldingCountMax } from "../../domain/limits-worker.ts";
import { closeReasonBytesMax } from "../../domain/limits.ts";
import type { MessageHeader } from "../../protocol/frame.ts";
import { closeCodes } from "../../protocol/worker-messages.ts";
import type { HeldAttempt, ReceiptVerdict, WorkerHello } from "../../protocol/worker-messages.ts";
import { createAttempts, type Attempt } from "./attempts.ts";
import type { AttemptName, Effect, Input, JobMessage, ReleaseWhy } from "./conversation-words.ts";
import { toHeldBodies } from "./held-lines.ts";
import { judgeClose, judgeUpgrade, reconnectAfterMs } from "./partings.ts";

export type Conversation = {
  /** What `input` makes of the conversation, and what is to be done about it, in order. */
  step(input: Input, chance: number): readonly Effect[];
  /** Whether the server takes words about attempts now. */
  isReady(): boolean;
  /** Whether every attempt has come to its end, and the server knows. */
  isEmpty(): boolean;
};

export type ConversationFacts = {
  readonly hello: Omit<WorkerHello, "op">;
  /** Jobs that may be held. */
  readonly window: number;
  /** Outcomes that a former run of the agent left in its spool. */
  readonly restored: readonly HeldAttempt[];
};

/** `greeting`: hello is said, not all verdicts have come. `over`: for good. */
type Phase = "offline" | "greeting" | "ready" | "over";

export function createConversation(facts: ConversationFacts): Conversation {
  let effects: Effect[] = [];
  const emit = (effect: Effect) => void effects.push(effect);
  let phase: Phase = "offline";
  let isWelcomed = false; // On this link.
  const attempts = createAttempts(facts.restored, { emit, isTold: () => phase === "ready" });

  let { workerId, room } = {
    workerId: facts.hello.worker_id,
    room: { window: facts.window, why: "surplus" as ReleaseWhy },
  };
  let isDraining = false;
  let isDrainedByServer = false;
  let toldWindow: number | null = null;
  let unsent: readonly Uint8Array[] = []; // Held attempts that hello had no room for.
  let heartbeatMs = 0;
  let tries = 0;
  let retryAfterMs: number | null = null;
  let denial: string | null = null; // Why the server will not welcome this worker, in its words.

  const send = (header: MessageHeader, body: Uint8Array = noBytes) =>
    emit({ do: "send", header, body });
  const note = (event: string, fields: Extract<Effect, { do: "note" }>["fields"]) =>
    emit({ do: "note", event, fields });
  const windowNow = () => (isDraining || isDrainedByServer ? 0 : room.window);
  const releaseWhy = (): ReleaseWhy => (isDraining || isDrainedByServer ? "drain" : room.why);

  const giveUp = (why: string) => {
    phase = "over";
    emit({ do: "give-up", why });
  };
  /** Two ends that do not understand each other do not learn it by trying again. */
  const violate = (why: string) => {
    const reason = cutToBytes(why, closeReasonBytesMax);
    emit({ do: "close", code: closeCodes.malformed, reason });
    giveUp(`The server sent what is not of the protocol: ${why}. Update the worker or the server.`);
  };
  /** Tells the window when it changed, and gives back what is above it and does not run yet. */
  const fit = () => {
    const ownWindow = isDraining ? 0 : room.window;
    // What the server asked for itself it need not be told.
    if (phase === "ready" && toldWindow !== ownWindow) {
      toldWindow = ownWindow;
      send({ op: "ready", window: ownWindow });
    }
    let surplus = attempts.outstandingCount() - windowNow();
    if (surplus <= 0) return;
    const queued = [...attempts.all()].filter(({ state }) => state === "queued");
    for (const attempt of queued.toReversed()) {
      if (surplus <= 0) return;
      surplus -= 1;
      attempts.giveBack(attempt, releaseWhy());
    }
  };
  const greet = () => {
    const [first = noBytes, ...rest] = toHeldBodies([...attempts.all()]);
    phase = "greeting";
    isWelcomed = false;
    denial = null;
    toldWindow = null;
    unsent = rest;
    send({ ...toHeader(facts.hello), op: "hello", worker_id: workerId }, first);
  };
  /** Names more held attempts, or begins when all are known. */
  const proceed = (): void => {
    const [next, ...rest] = unsent;
    unsent = rest;
    if (next !== undefined) return send({ op: "holding" }, next);
    phase = "ready";
    fit();
    for (const attempt of attempts.all()) if (isOver(attempt)) attempts.tell(attempt);
    emit({ do: "beat-in", afterMs: heartbeatMs });
  };
  const take = (job: JobMessage, body: Uint8Array): void => {
    const { job: id, attempt: n, token } = job;
    if (attempts.get(job) !== null) return note("job.duplicate", { job: id, attempt: n });
    const attempt = attempts.hold(job, token);
    if (attempts.outstandingCount() <= windowNow()) return emit({ do: "start", job, body });
    attempt.state = "running"; // Nobody outside knows of it yet, so there is nothing to drop.
    attempts.giveBack(attempt, releaseWhy());
  };
  const receive = ({ job, attempt }: AttemptName, verdict: ReceiptVerdict) => {
    if (verdict === "conflict") note("result.conflict", { job, attempt });
    if (attempts.receipt({ job, attempt }, verdict)) return;
    note("receipt.unexpected", { job, attempt, verdict });
  };
  const hear = (
    { said, body, verdicts }: Extract<Input, { kind: "message" }>,
    chance: number,
  ): void => {
    if (phase === "offline") return;
    switch (said.op) {
      case "welcome": {
        if (isWelcomed) return violate("a second welcome");
        isWelcomed = true;
        isDrainedByServer = false;
        retryAfterMs = null;
        heartbeatMs = said.heartbeat_ms;
        const frameBodyBytesMax = said.frame_body_bytes_max;
        emit({ do: "welcomed", server: said.server, frameBodyBytesMax });
        for (const verdict of verdicts) attempts.judge(verdict);
        return proceed();
      }
      case "held":
        if (!isWelcomed || phase !== "greeting") return violate("held without a question");
        for (const verdict of verdicts) attempts.judge(verdict);
        return proceed();
      case "job":
        return phase === "ready" ? take(said, body) : violate("a job before ready");
      case "receipt":
        return isWelcomed ? receive(said, said.verdict) : violate("a receipt before welcome");
      case "cancel":
        if (!isWelcomed) return violate("a cancel before welcome");
        return attempts.cancel(said, said.why);
      case "drain":
        isDrainedByServer = true;
        fit();
        if (said.deadline_ms !== undefined) emit({ do: "drain-within", ms: said.deadline_ms });
        return;
      case "undrain":
        isDrainedByServer = false;
        emit({ do: "undrained" });
        return fit();
      case "bye":
        retryAfterMs = said.retry_after_ms;
        return note("server.bye", { why: said.why, retryAfterMs });
      case "refused": {
        const about = said.re === undefined ? null : attempts.nameUnder(said.re);
        if (!isWelcomed) denial = said.detail;
        note("server.refused", { code: said.code, detail: said.detail, job: about?.job ?? null });
        if (about !== null) attempts.undelivered(about, said.code, said.detail, chance);
        return;
      }
      default:
        return unreachable(said);
    }
  };
  const comeBack = (why: string, chance: number) => {
    emit({ do: "reconnect", afterMs: reconnectAfterMs(tries, retryAfterMs, chance), why });
    tries += 1;
    retryAfterMs = null;
  };
  const close = (code: number, reason: string, chance: number): void => {
    phase = "offline";
    attempts.untellAll();
    const judged = judgeClose(code, reason);
    if (judged.kind === "final") return giveUp(denial ?? judged.why);
    if (judged.kind === "cloned") emit({ do: "renew-identity", why: judged.why });
    comeBack(told(code, reason), chance);
  };
  const beat = (vitals: Extract<Input, { kind: "beat-due" }>["vitals"]) => {
    if (phase !== "ready") return;
    tries = 0; // A link that stands for a heartbeat is a good one.
    const holding = [...attempts.all()].filter(isAtWork);
    for (let at = 0; at === 0 || at < holding.length; at += beatHoldingCountMax) {
      const part = holding.slice(at, at + beatHoldingCountMax);
      const listed = part.map(({ job, attempt, state }) => [job, attempt, state]);
      send({ op: "beat", holding: listed, ...(at === 0 && { vitals: toHeader(vitals) }) });
    }
    emit({ do: "beat-in", afterMs: heartbeatMs });
  };
  const leave = (why: string) => {
    if (isWelcomed && phase !== "offline") send({ op: "bye", why });
    if (phase !== "offline") emit({ do: "close", code: 1000, reason: why });
    phase = "over";
  };

  const handle = (input: Input, chance: number): void => {
    if (phase === "over") return;
    switch (input.kind) {
      case "connected":
        return greet();
      case "message":
        return hear(input, chance);
      case "malformed":
        return phase === "offline" ? undefined : violate(input.why);
      case "closed":
        return close(input.code, input.reason, chance);
      case "unreachable": {
        const final = judgeUpgrade(input.status);
        return final === null ? comeBack(input.why, chance) : giveUp(final);
      }
      case "stranger":
        return giveUp(strangerSentence);
      case "beat-due":
        return beat(input.vitals);
      case "started":
        return attempts.started(input);
      case "long-running": {
        const { job, attempt } = input;
        const isRunning = attempts.get(input)?.state === "running";
        return isRunning && phase === "ready" ? send({ op: "started", job, attempt }) : undefined;
      }
      case "said": {
        const isRunning = attempts.get(input)?.state === "running";
        return isRunning && phase === "ready" ? send(input.header, input.body) : undefined;
      }
      case "finished":
        return attempts.finished(input, input.sha256, input.size);
      case "failed":
        return attempts.failed(input);
      case "released":
        return attempts.released(input, input.why);
      case "ended":
        return attempts.ended(input);
      case "gone":
        return attempts.gone(input);
      case "undelivered":
        return void attempts.undelivered(input, input.code, input.detail, chance);
      case "uploaded":
        return receive(input, input.verdict);
      case "deliver-due":
        return attempts.deliverAgain(input);
      case "room":
        room = { window: input.window, why: input.why };
        return fit();
      case "drain":
        isDraining = true;
        return fit();
      case "undrain":
        isDraining = false;
        return fit();
      case "renewed":
        workerId = input.workerId;
        return;
      case "leave":
        return leave(input.why);
      default:
        return unreachable(input);
    }
  };
  return {
    step(input, chance) {
      effects = [];
      handle(input, chance);
      return effects;
    },
    isReady: () => phase === "ready",
    isEmpty: () => attempts.isEmpty(),
  };
}

const noBytes = new Uint8Array(0);

const strangerSentence =
  "The server answered without the subprotocol gridlike.v2: it is older, or something else. Update the server, or start a worker of its version.";

function isOver({ state }: Attempt): boolean {
  return state !== "queued" && state !== "running";
}

function isAtWork(attempt: Attempt): boolean {
  return !isOver(attempt) && attempt.stop !== "abandoned";
}

function told(code: number, reason: string): string {
  return reason === "" ? `closed with ${code}` : `closed with ${code}, ${reason}`;
}

/** Fields left out of a message are left out of its JSON as well. */
function toHeader(fields: object): MessageHeader {
  return fields as MessageHeader; // Data of JSON all through.
}
