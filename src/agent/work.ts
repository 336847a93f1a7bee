// Takes jobs through a worker: payload, slot, folder, run, end. The first job whose payload is there gets the first
// free slot. What an end means to the server is not known here: each is told to the conversation, after what it
// made was handed to the spool.

import { unreachable } from "../domain/assert.ts";
import { jobLogBytesMax, jobLogsBytesMax, startedMsMin } from "../domain/limits-worker.ts";
import { killAfterMsDefault } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import { removeTree } from "../platform/durable-files.ts";
import type { Log } from "../platform/log.ts";
import { nameOf } from "./conversation/attempts.ts";
import type {
  AttemptName,
  Input,
  JobMessage,
  ReleaseWhy,
} from "./conversation/conversation-words.ts";
import type { JobFolders } from "./job-folders.ts";
import { createJobWords, type JobWords } from "./conversation/job-words.ts";
import type { Ended } from "./spool/outcome.ts";
import { fetchPayload, payloadWith, type PayloadDeps } from "./payload.ts";
import type { JobBytes, Outcome, Runner } from "./runner.ts";
import { settleDone, toFailed, type FailedFacts, type SettleDeps } from "./spool/settle-outcome.ts";
import type { Spool } from "./spool/spool.ts";

export type WorkDeps = SettleDeps &
  PayloadDeps & {
    readonly clock: Clock;
    readonly log: Log;
    readonly runner: Runner;
    readonly spool: Spool;
    readonly folders: JobFolders;
    readonly slots: number;
    readonly tell: (input: Input) => void;
    /** A job began, or is no longer there. */
    readonly onChange: () => void;
  };

export type Work = {
  take(job: JobMessage, body: Uint8Array): void;
  /** One that does not run yet. */
  drop(name: AttemptName): void;
  /** Ends a run. `giveBack`: what the job is then given back for; null when the server asked. */
  stop(name: AttemptName, giveBack: ReleaseWhy | null): void;
  stopAll(giveBack: ReleaseWhy): void;
  /** Passes on what running jobs said. */
  pulse(): void;
  /** Jobs whose end was not told yet. */
  heldCount(): number;
  running(): readonly AttemptName[];
  /** Nothing runs any more, and what runs left behind is tidied up. */
  settled(): Promise<void>;
};

type Entry = {
  readonly job: JobMessage;
  payload: JobBytes | null;
  run: Run | null;
  /** Ends the download or the run. */
  readonly stop: AbortController;
  giveBack: ReleaseWhy | null;
};
type Run = {
  readonly words: JobWords;
  readonly slot: number;
  readonly startedMs: number;
  isLong: boolean;
};

export function createWork(deps: WorkDeps): Work {
  const { clock, log, runner, spool, folders, tell, onNoSpace, onChange } = deps;
  const entries = new Map<string, Entry>();
  const underWay = new Set<Promise<void>>();
  const freeSlots = Array.from({ length: deps.slots }, (_, index) => deps.slots - index);
  const logBytesMax = Math.min(jobLogBytesMax, Math.floor(jobLogsBytesMax / deps.slots));

  const reportLeftover = (error: unknown) => log.error("job.leftover", error);
  const remove = (path: string) => removeTree(path).catch(reportLeftover);
  const leave = (entry: Entry, input: Input) => {
    entries.delete(nameOf(entry.job));
    tell(input);
    onChange();
  };
  const release = (entry: Entry, why: ReleaseWhy) =>
    leave(entry, { kind: "released", ...named(entry), why });
  const keep = async (entry: Entry, ended: Ended) => {
    const kept = spool.keep(ended).catch(onNoSpace);
    const { job, attempt } = ended;
    log.info("job.ended", { job, attempt, kind: ended.kind });
    if (ended.kind === "failed") leave(entry, { kind: "failed", job, attempt });
    else {
      const { sha256, size } = ended;
      leave(entry, { kind: "finished", job, attempt, sha256, size });
    }
    await kept;
  };
  const fail = (entry: Entry, facts: Partial<FailedFacts> & { readonly info: string }) =>
    keep(
      entry,
      toFailed({ ...named(entry), token: entry.job.token }, { ...unexplained, ...facts }),
    );

  const follow = (task: Promise<void>) => {
    underWay.add(task);
    void task.finally(() => underWay.delete(task));
  };
  const awaitPayload = async (entry: Entry) => {
    const end = await fetchPayload(deps, entry.job, entry.stop.signal);
    if (entries.get(nameOf(entry.job)) !== entry) {
      if (end.kind === "there" && end.payload.kind === "file") await remove(end.payload.path);
      return;
    }
    switch (end.kind) {
      case "there":
        entry.payload = end.payload;
        return pump();
      case "gone":
        return leave(entry, { kind: "gone", ...named(entry) });
      case "stopped":
        return release(entry, entry.giveBack ?? "preempted");
      case "no_space":
        return release(entry, "no_space");
      case "unreachable":
        log.warn("payload.unreachable", { ...named(entry), why: end.why });
        return release(entry, "unsupported");
      case "failed":
        return fail(entry, { info: end.info });
      default:
        return unreachable(end);
    }
  };
  /** Immediate ones first, then as they came. */
  const firstReady = () => {
    let first: { readonly entry: Entry; readonly payload: JobBytes } | null = null;
    for (const entry of entries.values()) {
      const { payload, run, job } = entry;
      if (payload === null || run !== null) continue;
      if (job.priority === "immediate") return { entry, payload };
      first ??= { entry, payload };
    }
    return first;
  };
  const pump = () => {
    for (let next = firstReady(); next !== null && freeSlots.length > 0; next = firstReady()) {
      const { entry, payload } = next;
      const slot = freeSlots.pop()!;
      const words = createJobWords(entry.job, { logBytesMax });
      entry.run = { words, slot, startedMs: clock.monotonicMs(), isLong: false };
      follow(runIn(entry, payload, entry.run));
    }
  };
  const runIn = async (entry: Entry, payload: JobBytes, run: Run) => {
    const directory = folders.placeOf(entry.job);
    tell({ kind: "started", ...named(entry) });
    onChange();
    const outcome = await begin(entry, { payload, run, directory });
    freeSlots.push(run.slot);
    freeSlots.sort((a, b) => b - a); // The lowest is the next.
    pump();
    for (const { header, body } of run.words.takeRest()) {
      tell({ kind: "said", ...named(entry), header, body });
    }
    await settle(entry, { outcome, run, directory });
    await folders.leave(directory).catch(reportLeftover);
    if (payload.kind === "file") await remove(payload.path);
  };
  const begin = async (
    { job, stop }: Entry,
    { payload, run, directory }: Placed,
  ): Promise<Outcome> => {
    try {
      await folders.make(directory);
    } catch (error) {
      onNoSpace(error);
      return { kind: "released", why: "no_space" };
    }
    try {
      return await runner.run(
        toAssignment(job, { payload, run, directory }),
        run.words.report,
        stop.signal,
      );
    } catch (error) {
      log.error("runner.broken", error, { job: job.job, attempt: job.attempt });
      return { kind: "failed", ...unexplained, info: "The worker failed to run it: see its log." };
    }
  };
  const settle = async (entry: Entry, { outcome, run, directory }: SettledRun) => {
    const tail = run.words.tail();
    switch (outcome.kind) {
      case "done": {
        const settled = { name: entry.job, token: entry.job.token, directory, tail };
        const ended = await settleDone(deps, settled, outcome).catch((error: unknown) => {
          onNoSpace(error);
          return null;
        });
        return ended === null ? release(entry, "no_space") : keep(entry, ended);
      }
      case "failed": {
        const { info, exitCode, signal, retryable } = outcome;
        return fail(entry, { info, exitCode, signal, retryable, logs: tail });
      }
      case "released":
        if (outcome.why === "no_space") onNoSpace(null);
        return release(entry, outcome.why);
      case "stopped":
        if (entry.giveBack !== null) return release(entry, entry.giveBack);
        return leave(entry, { kind: "ended", ...named(entry) });
      default:
        return unreachable(outcome);
    }
  };
  const stop = (entry: Entry, giveBack: ReleaseWhy | null) => {
    entry.giveBack = giveBack;
    entry.stop.abort();
  };

  return {
    take(job, body) {
      const entry: Entry = {
        job,
        payload: payloadWith(deps, job, body),
        run: null,
        stop: new AbortController(),
        giveBack: null,
      };
      entries.set(nameOf(job), entry);
      onChange();
      if (entry.payload !== null) pump();
      else follow(awaitPayload(entry));
    },
    drop(name) {
      const entry = entries.get(nameOf(name));
      if (entry === undefined || entry.run !== null) return;
      entries.delete(nameOf(name));
      entry.stop.abort();
      if (entry.payload?.kind === "file") void remove(entry.payload.path);
      onChange();
    },
    stop(name, giveBack) {
      const entry = entries.get(nameOf(name));
      if (entry !== undefined) stop(entry, giveBack);
    },
    stopAll(giveBack) {
      for (const entry of entries.values()) stop(entry, giveBack);
    },
    pulse() {
      const atMs = clock.monotonicMs();
      for (const entry of entries.values()) {
        const { run } = entry;
        if (run === null) continue;
        if (!run.isLong && atMs - run.startedMs >= startedMsMin) {
          run.isLong = true;
          tell({ kind: "long-running", ...named(entry) });
        }
        for (const { header, body } of run.words.take(atMs)) {
          tell({ kind: "said", ...named(entry), header, body });
        }
      }
    },
    heldCount: () => entries.size,
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    running: () => [...entries.values()].filter(({ run }) => run !== null).map(named),
  };
}

type Placed = { readonly payload: JobBytes; readonly run: Run; readonly directory: string };
type SettledRun = { readonly outcome: Outcome; readonly run: Run; readonly directory: string };

const unexplained = { logs: "", exitCode: null, signal: null, retryable: true } as const;

function named({ job: { job, attempt } }: Entry): AttemptName {
  return { job, attempt };
}

function toAssignment(job: JobMessage, { payload, run, directory }: Placed) {
  return {
    job: job.job,
    attempt: job.attempt,
    key: job.key,
    type: job.type,
    priority: job.priority,
    contentType: job.content_type ?? null,
    description: job.description ?? null,
    payload,
    directory,
    slot: run.slot,
    timeoutMs: job.timeout_ms ?? null,
    killAfterMs: job.kill_after_ms ?? killAfterMsDefault,
  };
}
