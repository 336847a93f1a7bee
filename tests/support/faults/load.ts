// Clients under whose feet the server dies. Everything they ask goes on record before, everything they are told
// after; what got no answer is unknown, and most of it is sent again, as it was, until it is known.

import { jobPath, textOf } from "./api.ts";
import { sha256Of } from "./bytes.ts";
import {
  crowd,
  duelPrefix,
  intend,
  repeat,
  send,
  type Clients,
  type LoadCounts,
  type LoadDeps,
  type Submission,
} from "./submissions.ts";

export type Load = {
  readonly counts: Readonly<LoadCounts>;
  /** Clients act while it is open; requests under way are not held back. */
  open(): void;
  shut(): void;
  /** Fights a few duels undisturbed, then settles what is unknown, except what is left so on purpose. */
  finish(): Promise<void>;
};

const quietDuelCount = 3;
/** All workers of the type may wait to be overtaken. */
const beginMsMax = 3_000;
/** Keys that reads, cancels and deletes draw from: recent ones, since those are still on their way. */
const recentCount = 400;
/** Of these some are not settled yet. */
const newestCount = 12;

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
    known: [],
    isKnown: new Set(),
    unsettled: [],
    recent: [],
    gone: new Set(),
    underWay: new Map(),
    next: 0,
    highest: 0,
  };
  const isOpen = async () => {
    if (isShut) await gate.promise;
    return !isFinishing;
  };
  const lives = Array.from({ length: deps.clientCount }, () => live(clients, isOpen));
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
      await surrender(clients);
      for (let round = 0; clients.unsettled.length > 0 && round < 5; round += 1) {
        for (const submission of clients.unsettled.splice(0)) await sendAgain(clients, submission);
      }
      for (const { key } of clients.unsettled) {
        deps.findings.note("L5", `${key} gets no answer from a server that nobody kills`);
      }
    },
  };
}

async function live(clients: Clients, isOpen: () => Promise<boolean>): Promise<void> {
  while (await isOpen()) {
    await act(clients);
    await Bun.sleep(clients.random.fraction() * 6); // What people do between two requests.
  }
}

async function act(clients: Clients): Promise<void> {
  const { random, unsettled } = clients;
  const again = random.fraction() < 0.5 ? unsettled.shift() : undefined;
  if (again !== undefined) return sendAgain(clients, again);
  const chance = random.fraction();
  if (chance < 0.56) return submit(clients);
  if (chance < 0.57) return crowd(clients);
  if (chance < 0.6) return duel(clients);
  if (chance < 0.87) return void (await read(clients));
  if (chance < 0.92) return void (await cancel(clients));
  if (chance < 0.95) return remove(clients);
  return repeat(clients);
}

/** What was acknowledged to another and deleted since would rightly be there again: that is let be. */
async function sendAgain(clients: Clients, submission: Submission): Promise<void> {
  if (!clients.gone.has(submission.key)) await send(clients, submission);
}

async function submit(clients: Clients): Promise<void> {
  await send(clients, await intend(clients, clients.random.fraction() < 0.6 ? "plain" : "first"));
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

async function cancel(clients: Clients, key = drawKey(clients, newestCount)): Promise<boolean> {
  if (key === null) return false;
  await clients.ledger.write({ kind: "cancelling", key });
  const answer = await clients.api.ask("POST", `${jobPath(key)}/cancel`);
  if (answer?.status !== 200) return false;
  await clients.ledger.write({ kind: "cancelled", key });
  return true;
}

async function remove(clients: Clients): Promise<void> {
  const key = drawKey(clients);
  if (key === null || (clients.underWay.get(key) ?? 0) > 0) return;
  clients.gone.add(key);
  await clients.ledger.write({ kind: "deleting", key });
  const answer =
    clients.random.fraction() < 0.5
      ? await clients.api.ask("POST", `${jobPath(key)}/delete`)
      : await clients.api.ask("DELETE", `${jobPath(key)}?force=1`);
  if (answer?.status !== 202 && answer?.status !== 204) return;
  await clients.ledger.write({ kind: "deleted", key });
}

/**
 * A job whose first worker is overtaken: cancelled while it runs, sent back, completed by a second worker, and
 * only then does the first one deliver, for a life of the job that is over.
 */
async function duel(clients: Clients): Promise<void> {
  const key = await surrender(clients);
  if (key === null) return;
  await clients.ledger.write({ kind: "retrying", key });
  const answer = await clients.api.ask("POST", `${jobPath(key)}/retry`);
  if (answer?.status !== 200) return;
  if ((await read(clients, key)) === null) return;
  await Bun.sleep(40); // The late result comes now.
  await read(clients, key);
}

/** The first half of a duel: a job cancelled while it runs. Null when that did not come about. */
async function surrender(clients: Clients): Promise<string | null> {
  const submission = await intend(clients, "duel");
  const { key } = submission;
  await send(clients, submission);
  return (await isBegun(clients, key)) && (await cancel(clients, key)) ? key : null;
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

/** A key that is not deleted and of no duel, with which nobody else meddles. */
function drawKey({ known, gone, random }: Clients, count = recentCount): string | null {
  const recent = known.slice(-count);
  const key = recent[Math.floor(random.fraction() * recent.length)];
  return key === undefined || key.startsWith(duelPrefix) || gone.has(key) ? null : key;
}
