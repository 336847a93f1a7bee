// Submissions of the harness: put on record before they are sent, and again when their outcome is known. One
// that got no answer may be sent again, as it was, at any later time.

import type { Random } from "../../../src/platform/random.ts";
import { textOf, type Answer, type Api } from "./api.ts";
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

export type LoadCounts = {
  /** Jobs that were meant to be. */
  attempted: number;
  /** Of these, the jobs that were acknowledged. */
  acknowledged: number;
  /** Requests for a job that got no answer, or none that says anything. */
  unknown: number;
};

export type Submission = {
  readonly key: string;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly form: "multipart" | "raw";
  readonly priority: "immediate" | "batch";
};

export type Clients = LoadDeps & {
  readonly counts: LoadCounts;
  /** Keys of acknowledged jobs, in the order in which they were. */
  readonly known: string[];
  readonly isKnown: Set<string>;
  /** Their outcome is unknown and will be asked for again. */
  readonly unsettled: Submission[];
  /** Acknowledged not long ago; some are sent once more. */
  readonly recent: Submission[];
  /** Somebody deletes or has deleted it. */
  readonly gone: Set<string>;
  /** Requests under way by key. Were the job deleted meanwhile, it would rightly be there again. */
  readonly underWay: Map<string, number>;
  next: number;
  highest: number;
};

/** Of what is unknown, this share is never asked for again: it may be there or not. */
const leftUnknownShare = 0.15;
/** Keys of jobs with which only their own client meddles. */
export const duelPrefix = "duel-";
const crowdCount = 10;
const recentSubmissionCount = 20;

export async function intend(clients: Clients, type: string): Promise<Submission> {
  const { random, seed } = clients;
  const number = (clients.next += 1);
  // A duel is about one job's own bytes, which no other job may have.
  const payload =
    type === "duel"
      ? new TextEncoder().encode(`duel ${seed}/${number}`)
      : drawPayload(random, seed);
  const form = random.fraction() < 0.5 ? "multipart" : "raw";
  const priority = random.fraction() < 0.3 ? "immediate" : "batch";
  const key = `${type === "duel" ? duelPrefix : "k"}${number}`;
  const submission: Submission = { key, type, payload, form, priority };
  const sha256 = sha256Of(payload);
  await clients.ledger.write({ kind: "intent", key, type, sha256, size: payload.length });
  clients.counts.attempted += 1;
  return submission;
}

/** Sends a submission and puts on record what came of it. */
export async function send(clients: Clients, submission: Submission): Promise<void> {
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
  clients.highest = Math.max(clients.highest, seq);
  if (clients.isKnown.has(key)) return;
  clients.isKnown.add(key);
  clients.counts.acknowledged += 1;
  clients.known.push(key);
  clients.recent.push(submission);
  if (clients.recent.length > recentSubmissionCount) clients.recent.shift();
}

async function post(clients: Clients, submission: Submission): Promise<Answer | null> {
  const { underWay } = clients;
  const { key } = submission;
  underWay.set(key, (underWay.get(key) ?? 0) + 1);
  try {
    return await ask(clients, submission);
  } finally {
    underWay.set(key, (underWay.get(key) ?? 1) - 1);
  }
}

function ask({ api }: Clients, submission: Submission): Promise<Answer | null> {
  const { key, type, payload, form, priority } = submission;
  const path = `/jobs/submit/${type}`;
  if (form === "raw") return api.ask("POST", `${path}?key=${key}&priority=${priority}`, payload);
  const fields = new FormData();
  fields.set("Key", key);
  fields.set("Payload", new Blob([payload]), "payload.bin");
  fields.set("Priority", priority);
  return api.ask("POST", path, fields);
}

/** The same submission many times at once: one job. */
export async function crowd(clients: Clients): Promise<void> {
  const submission = await intend(clients, "plain");
  await Promise.all(Array.from({ length: crowdCount }, () => send(clients, submission)));
}

/** An acknowledged submission once more: the same job. With other bytes under its key: refused. */
export async function repeat(clients: Clients): Promise<void> {
  const { recent, random, findings } = clients;
  const submission = recent[Math.floor(random.fraction() * recent.length)];
  if (submission === undefined || clients.gone.has(submission.key)) return;
  const { key } = submission;
  const isSame = random.fraction() < 0.5;
  const payload = isSame ? submission.payload : new TextEncoder().encode(`other ${key}`);
  const answer = await post(clients, { ...submission, payload });
  if (answer === null || answer.status >= 500) return;
  if (answer.status !== (isSame ? 200 : 409)) {
    const what = isSame ? "as it was" : "with other bytes";
    return findings.note("L12", `${key} sent once more, ${what}, was answered ${answer.status}`);
  }
  if (isSame) await acknowledge(clients, submission, answer, 0);
}
