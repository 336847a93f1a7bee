// Clients under whose feet the server dies. Everything they ask goes on record before, everything they are told
// after; what got no answer is unknown, and most of it is sent again, as it was, until it is known.

import type { Random } from "../../../src/platform/random.ts";
import { jobPath, textOf, type Answer, type Api } from "./api.ts";
import { drawPayload, sha256Of } from "./bytes.ts";
import type { Findings } from "./findings.ts";
import type { Ledger } from "./ledger.ts";

export type LoadDeps = {
  readonly api: Api;
  readonly ledger: Ledger;
  readonly findings: Findings;
  readonly random: Random;
  readonly seed: number;
  readonly clientCount: number;
};

export type Load = {
  readonly counts: {
    readonly attempted: number;
    readonly acknowledged: number;
    readonly unknown: number;
  };
  /** Clients act while it is open; requests under way are not held back. */
  open(): void;
  shut(): void;
  /** Fights a few duels undisturbed, then settles what is unknown, except what is left so on purpose. */
  finish(): Promise<void>;
};

type Submission = {
  readonly key: string;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly form: "multipart" | "raw";
  readonly priority: "immediate" | "batch";
};

type Clients = LoadDeps & {
  readonly counts: { attempted: number; acknowledged: number; unknown: number };
  readonly isOpen: () => Promise<boolean>;
  readonly known: string[];
  /** Their outcome is unknown and will be asked for again. */
  readonly unsettled: Submission[];
  readonly gone: Set<string>;
  /** Submissions to send once more although they were acknowledged. */
  readonly recent: Submission[];
  /** Keys being sent once more just now: deleted meanwhile, the job would rightly be there again. */
  readonly repeating: Set<string>;
  next: number;
  highest: number;
};

const quietDuelCount = 3;
/** All workers of the type may wait to be overtaken. */
const beginMsMax = 3_000;
/** Of what is unknown, this share is never asked for again: it may be there or not. */
const leftUnknownShare = 0.15;
/** Keys that reads, cancels and deletes draw from: recent ones, since those are still on their way. */
const recentCount = 400;

export function startLoad(deps: LoadDeps): Load {
  let gate = Promise.withResolvers<void>();
  let isShut = true;
  let isFinishing = false;
  const open = () => {
    isShut = false;
    gate.resolve();
  };
  const clients: Clients = {
    ...deps,
    counts: { attempted: 0, acknowledged: 0, unknown: 0 },
    isOpen: async () => {
      if (isShut) await gate.promise;
      return !isFinishing;
    },
    known: [],
    unsettled: [],
    gone: new Set(),
    recent: [],
    repeating: new Set(),
    next: 0,
    highest: 0,
  };
  const lives = Array.from({ length: deps.clientCount }, () => live(clients));
  return {
    counts: clients.counts,
    open,
    shut() {
      if (isShut) return;
      isShut = true;
      gate = Promise.withResolvers<void>();
    },
    async finish() {
      isFinishing = true;
      open();
      await Promise.all(lives);
      for (let round = 0; round < quietDuelCount; round += 1) await duel(clients);
      for (let round = 0; clients.unsettled.length > 0 && round < 5; round += 1) {
        for (const submission of clients.unsettled.splice(0)) await send(clients, submission);
      }
      for (const { key } of clients.unsettled) {
        deps.findings.note("L5", `${key} gets no answer from a server that nobody kills`);
      }
    },
  };
}

async function live(clients: Clients): Promise<void> {
  while (await clients.isOpen()) {
    await act(clients);
    await Bun.sleep(clients.random.fraction() * 6); // What people do between two requests.
  }
}

async function act(clients: Clients): Promise<void> {
  const { random, unsettled } = clients;
  const again = random.fraction() < 0.5 ? unsettled.shift() : undefined;
  if (again !== undefined) return send(clients, again);
  const chance = random.fraction();
  if (chance < 0.57) return submit(clients);
  if (chance < 0.6) return duel(clients);
  if (chance < 0.87) return void (await read(clients));
  if (chance < 0.92) return void (await cancel(clients));
  if (chance < 0.95) return remove(clients);
  return repeat(clients);
}

async function submit(clients: Clients): Promise<void> {
  await send(clients, await intend(clients, clients.random.fraction() < 0.6 ? "plain" : "first"));
}

async function intend(clients: Clients, type: string): Promise<Submission> {
  const { random, seed } = clients;
  const number = (clients.next += 1);
  // A duel is about one job's own bytes, which no other job may have.
  const payload =
    type === "duel"
      ? new TextEncoder().encode(`duel ${seed}/${number}`)
      : drawPayload(random, seed);
  const form = random.fraction() < 0.5 ? "multipart" : "raw";
  const priority = random.fraction() < 0.3 ? "immediate" : "batch";
  const key = `k${number}`;
  const submission: Submission = { key, type, payload, form, priority };
  const sha256 = sha256Of(payload);
  await clients.ledger.write({ kind: "intent", key, type, sha256, size: payload.length });
  clients.counts.attempted += 1;
  return submission;
}

/** Sends a submission and puts on record what came of it. */
async function send(clients: Clients, submission: Submission): Promise<void> {
  const { key } = submission;
  const above = clients.highest;
  const answer = await post(clients, submission);
  if (answer === null || answer.status >= 500) {
    clients.counts.unknown += 1;
    await clients.ledger.write({ kind: "unknown", key });
    if (clients.random.fraction() >= leftUnknownShare) clients.unsettled.push(submission);
    return;
  }
  if (answer.status !== 202 && answer.status !== 200) {
    const rule = answer.status === 409 ? "L12" : "L1";
    return clients.findings.note(
      rule,
      `${key} was refused: ${answer.status} ${textOf(answer).slice(0, 200)}`,
    );
  }
  await acknowledge(clients, submission, answer, above);
}

async function acknowledge(
  clients: Clients,
  submission: Submission,
  answer: Answer,
  above: number,
): Promise<void> {
  const { key } = submission;
  const { created, id, seq } = JSON.parse(textOf(answer)) as {
    created: string;
    id: string;
    seq: number;
  };
  if (created !== key) clients.findings.note("L12", `${key} was created as ${created}`);
  const isReplay = answer.status === 200;
  await clients.ledger.write({ kind: "ack", key, id, seq, isReplay, above });
  clients.counts.acknowledged += 1;
  clients.highest = Math.max(clients.highest, seq);
  clients.known.push(key);
  clients.recent.push(submission);
  if (clients.recent.length > 20) clients.recent.shift();
}

function post({ api }: Clients, submission: Submission): Promise<Answer | null> {
  const { key, type, payload, form, priority } = submission;
  const path = `/jobs/submit/${type}`;
  if (form === "raw") return api.ask("POST", `${path}?key=${key}&priority=${priority}`, payload);
  const fields = new FormData();
  fields.set("Key", key);
  fields.set("Payload", new Blob([payload]), "payload.bin");
  fields.set("Priority", priority);
  return api.ask("POST", path, fields);
}

/** Reads a result; the first reader of a job puts it on record, later ones must see the same. */
async function read(clients: Clients, key = drawKey(clients)): Promise<string | null> {
  if (key === null) return null;
  const answer = await clients.api.ask("GET", `${jobPath(key)}/result?wait_s=0.5`);
  if (answer?.status === 404 && !clients.gone.has(key)) {
    clients.findings.note("L1", `${key} is not there to be read`);
  }
  if (answer?.status === 410)
    clients.findings.note("L3", `the result of ${key} is not kept any more`);
  if (answer?.status !== 200) return null;
  const sha256 = sha256Of(answer.bytes);
  await clients.ledger.write({ kind: "committed", key, sha256 });
  return sha256;
}

async function cancel(clients: Clients, key = drawKey(clients)): Promise<boolean> {
  if (key === null) return false;
  await clients.ledger.write({ kind: "cancelling", key });
  const answer = await clients.api.ask("POST", `${jobPath(key)}/cancel`);
  if (answer?.status !== 200) return false;
  await clients.ledger.write({ kind: "cancelled", key });
  return true;
}

async function remove(clients: Clients): Promise<void> {
  const key = drawKey(clients);
  if (key === null || clients.repeating.has(key)) return;
  clients.gone.add(key);
  await clients.ledger.write({ kind: "deleting", key });
  const answer =
    clients.random.fraction() < 0.5
      ? await clients.api.ask("POST", `${jobPath(key)}/delete`)
      : await clients.api.ask("DELETE", `${jobPath(key)}?force=1`);
  if (answer?.status === 404) clients.findings.note("L1", `${key} is not there to be deleted`);
  if (answer?.status !== 202 && answer?.status !== 204) return;
  await clients.ledger.write({ kind: "deleted", key });
}

/** An acknowledged submission once more: the same job. With other bytes under its key: refused. */
async function repeat(clients: Clients): Promise<void> {
  const { recent, random, findings } = clients;
  const submission = recent[Math.floor(random.fraction() * recent.length)];
  if (submission === undefined || clients.gone.has(submission.key)) return;
  const { key } = submission;
  const isSame = random.fraction() < 0.5;
  const payload = isSame ? submission.payload : new TextEncoder().encode(`other ${key}`);
  clients.repeating.add(key);
  const answer = await post(clients, { ...submission, payload });
  clients.repeating.delete(key);
  if (answer === null || answer.status >= 500) return;
  if (answer.status !== (isSame ? 200 : 409)) {
    const what = isSame ? "as it was" : "with other bytes";
    return findings.note("L12", `${key} sent once more, ${what}, was answered ${answer.status}`);
  }
  if (isSame) await acknowledge(clients, submission, answer, 0);
}

/**
 * A job whose first worker is overtaken: cancelled while it runs, sent back, completed by a second worker, and
 * only then does the first one deliver, for a life of the job that is over.
 */
async function duel(clients: Clients): Promise<void> {
  const submission = await intend(clients, "duel");
  const { key } = submission;
  await send(clients, submission);
  clients.gone.add(key); // Nobody else meddles with it.
  if (!(await isBegun(clients, key)) || !(await cancel(clients, key))) return;
  await clients.ledger.write({ kind: "retrying", key });
  const answer = await clients.api.ask("POST", `${jobPath(key)}/retry`);
  if (answer?.status !== 200) return;
  if ((await read(clients, key)) === null) return;
  await Bun.sleep(40); // The late result comes now.
  await read(clients, key);
}

async function isBegun({ api }: Clients, key: string): Promise<boolean> {
  const deadline = performance.now() + beginMsMax;
  while (performance.now() < deadline) {
    const answer = await api.ask("GET", jobPath(key));
    if (answer?.status !== 200) return false;
    if ((JSON.parse(textOf(answer)) as { status: string }).status === "running") return true;
    await Bun.sleep(5);
  }
  return false;
}

function drawKey({ known, gone, random }: Clients): string | null {
  const recent = known.slice(-recentCount);
  const key = recent[Math.floor(random.fraction() * recent.length)];
  return key === undefined || gone.has(key) ? null : key;
}
