// How an agent comes to its end: drained, preempted, idle, at the end of its life, after its one job, or given up.
// Running jobs may go on for a while, what is done is delivered for a while, then it leaves, whatever is left.

import { deliverMsMax, preemptMsMax } from "../domain/limits-worker.ts";
import type { Timer } from "../platform/clock.ts";
import type { Input, ReleaseWhy } from "./conversation/conversation-words.ts";
import type { Spool } from "./spool/spool.ts";
import type { Work } from "./work.ts";

/** `exitCode` is from the one table of the command line; `why` a sentence. */
export type AgentEnd = { readonly exitCode: number; readonly why: string };

export type EndingDeps = {
  readonly after: (ms: number, call: () => void) => Timer;
  readonly settings: {
    readonly drainMs: number;
    readonly idleTimeoutMs: number | null;
    readonly lifetimeMs: number | null;
    readonly once: boolean;
  };
  readonly tell: (input: Input) => void;
  readonly onNotice: (line: string) => void;
  readonly work: Pick<Work, "heldCount" | "running" | "stopAll">;
  readonly spool: Pick<Spool, "count">;
  /** Nothing is left that the server could be told. */
  readonly isTold: () => boolean;
  /** Says goodbye and ends all that is under way. */
  readonly leave: (why: string) => Promise<void>;
};

export type Ending = {
  readonly done: Promise<AgentEnd>;
  begin(): void;
  drain(): void;
  preempt(): void;
  giveUp(why: string): void;
  welcomed(): void;
  /** Everything that the conversation is told comes by here first. */
  noticed(input: Input): void;
  /** Something may have come to an end. */
  look(): void;
  /** No new jobs are wanted. */
  isEnough(): boolean;
  releaseWhy(): ReleaseWhy;
  isOver(): boolean;
};

export function createEnding(deps: EndingDeps): Ending {
  const { after, settings, tell, onNotice, work, spool } = deps;
  const { promise: done, resolve } = Promise.withResolvers<AgentEnd>();
  let phase: "working" | "draining" | "delivering" | "over" = "working";
  let end: AgentEnd = { exitCode: 0, why: "Drained." };
  let isPreempted = false;
  let wasWelcomed = false;
  let once: "waits" | "runs" | "ended" = "waits";
  let idle: Timer | null = null;
  let patience: Timer | null = null;

  const isIdle = () => work.heldCount() === 0 && spool.count() === 0;
  const finish = async (last: AgentEnd) => {
    if (phase === "over") return;
    phase = "over";
    idle?.cancel();
    await deps.leave(isPreempted ? "preempted" : "drained");
    const left = spool.count(); // Results that nobody took stay on the disk.
    if (left > 0) onNotice(`${left} results wait on the disk: the next start delivers them.`);
    resolve(last);
  };
  const leave = () => void finish(end);
  const release = (why: ReleaseWhy) => {
    for (const { job, attempt } of work.running()) tell({ kind: "released", job, attempt, why });
  };
  const drain = (last: AgentEnd) => {
    if (phase !== "working") return;
    phase = "draining";
    end = last;
    tell({ kind: "drain" });
    const running = work.running().length;
    if (running > 0) onNotice(`Taking no new jobs; ${running} may go on for a while.`);
    patience?.cancel();
    patience = after(settings.drainMs, () => work.stopAll("drain"));
    look();
  };
  const look = () => {
    if (phase === "working") return watchIdle();
    if (phase === "draining" && work.heldCount() === 0) {
      phase = "delivering";
      patience?.cancel();
      patience = after(isPreempted ? preemptMsMax : deliverMsMax, leave);
    }
    if (phase === "delivering" && deps.isTold()) leave();
  };
  const watchIdle = () => {
    const { idleTimeoutMs } = settings;
    if (idleTimeoutMs === null) return;
    if (!isIdle()) {
      idle?.cancel();
      idle = null;
    } else if (idle === null) {
      idle = after(idleTimeoutMs, () => {
        const sawServer = { exitCode: 0, why: "There was no job for a while." };
        const alone = { exitCode: 3, why: "The server was never reached." };
        drain(wasWelcomed ? sawServer : alone);
      });
    }
  };
  const noticeOnce = (input: Input) => {
    if (input.kind === "started" && once === "waits") once = "runs";
    else if (once === "runs" && input.kind in onceEnds) {
      once = "ended";
      drain(onceEnds[input.kind as keyof typeof onceEnds]); // Just looked up.
    }
  };

  return {
    done,
    begin() {
      const { lifetimeMs } = settings;
      if (lifetimeMs !== null) {
        after(lifetimeMs, () => drain({ exitCode: 0, why: "Its lifetime is over." }));
      }
      watchIdle();
    },
    drain: () => drain(end),
    preempt(): void {
      if (phase === "over") return;
      if (isPreempted) return leave();
      isPreempted = true;
      tell({ kind: "room", window: 0, why: "preempted" });
      drain({ exitCode: 0, why: "Preempted: its jobs were given back." });
      patience?.cancel();
      patience = after(preemptMsMax, () => {
        release("preempted"); // What does not end when it is asked to is given back all the same.
        leave();
      });
      work.stopAll("preempted");
    },
    giveUp(why) {
      onNotice(why);
      work.stopAll("preempted");
      void finish({ exitCode: refusedExitCode, why });
    },
    welcomed() {
      wasWelcomed = true;
    },
    noticed(input) {
      if (settings.once) noticeOnce(input);
    },
    look,
    isEnough: () => isPreempted || (settings.once && once !== "waits"),
    releaseWhy: () => (isPreempted ? "preempted" : "surplus"),
    isOver: () => phase === "over",
  };
}

const refusedExitCode = 4;

/** What the one job's end means to whoever started the worker for it. */
const onceEnds = {
  finished: { exitCode: 0, why: "Its one job is done." },
  failed: { exitCode: 1, why: "Its one job failed." },
  released: { exitCode: 1, why: "Its one job was given back." },
  ended: { exitCode: 1, why: "Its one job was cancelled." },
} as const;
