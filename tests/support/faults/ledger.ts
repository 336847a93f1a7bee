// What the clients were told, kept where the server cannot reach it: an append-only file of JSON lines in
// another directory. A line is written and synced before its author goes on, so an intent is on record before
// its request leaves, and an answer before anything is built on it.
// It is written by the process of the harness itself. That is enough here: only the server is killed, the
// harness is not, so a judge of its own would see the same lines. The judge reads the file, not the memory.

import { open, readFile } from "node:fs/promises";
import type { Findings } from "./findings.ts";

export type Line =
  | {
      readonly kind: "intent";
      readonly key: string;
      readonly type: string;
      readonly sha256: string;
      readonly size: number;
    }
  /** `above`: the highest short number that was acknowledged to anyone before this request was sent. */
  | {
      readonly kind: "ack";
      readonly key: string;
      readonly id: string;
      readonly seq: number;
      readonly isReplay: boolean;
      readonly above: number;
    }
  /** No answer, or one that says nothing: the job may be there. */
  | { readonly kind: "unknown"; readonly key: string }
  /** A client has read this result. */
  | { readonly kind: "committed"; readonly key: string; readonly sha256: string }
  | { readonly kind: "cancelling" | "cancelled"; readonly key: string }
  | { readonly kind: "retrying"; readonly key: string }
  | { readonly kind: "deleting" | "deleted"; readonly key: string }
  /** A worker sent this result for a payload; which job it was, a classic worker is not told. */
  | { readonly kind: "executed"; readonly payload: string; readonly result: string };

export type Ledger = {
  readonly path: string;
  /** Resolves when the line is on the disk. Lines of one turn share one sync. */
  write(line: Line): Promise<void>;
  close(): Promise<void>;
};

export async function openLedger(path: string): Promise<Ledger> {
  const file = await open(path, "ax", 0o600);
  let waiting: string[] = [];
  let syncing: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  const sync = async () => {
    const lines = waiting;
    waiting = [];
    next = null;
    await file.appendFile(lines.join(""));
    await file.datasync();
  };
  const chain = async (before: Promise<void> | null) => {
    await before;
    syncing = sync();
    await syncing;
  };
  return {
    path,
    write(line) {
      waiting.push(`${JSON.stringify(line)}\n`);
      next ??= chain(syncing);
      return next;
    },
    async close() {
      await next;
      await syncing;
      await file.close();
    },
  };
}

/** All that was ever said about one key. */
export type Entry = {
  readonly key: string;
  readonly type: string;
  readonly sha256: string;
  readonly size: number;
  id: string | null;
  seq: number;
  unknownCount: number;
  /** Of the first result that anyone read. */
  committed: string | null;
  /** Cancelled for good: acknowledged, and nobody sent it back afterwards. */
  isCancelled: boolean;
  /** A cancel or a retry was sent whose outcome is not known, or it was sent back on purpose. */
  isDisturbed: boolean;
  isDeleting: boolean;
  isDeleted: boolean;
};

export type LedgerView = {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Hashes of the results that workers sent, by the hash of the payload. */
  readonly sent: ReadonlyMap<string, ReadonlySet<string>>;
};

/** Reads the file from the start, and notes where its lines contradict one another. */
export async function readLedger(path: string, findings: Findings): Promise<LedgerView> {
  const entries = new Map<string, Entry>();
  const sent = new Map<string, Set<string>>();
  for (const text of (await readFile(path, "utf8")).split("\n")) {
    if (text === "") continue;
    const line = JSON.parse(text) as Line; // Written by openLedger alone.
    if (line.kind === "executed") {
      sent.set(line.payload, (sent.get(line.payload) ?? new Set()).add(line.result));
    } else if (line.kind === "intent") {
      entries.set(line.key, freshEntry(line));
    } else {
      take(entries.get(line.key)!, line, findings); // Its intent was written before.
    }
  }
  return { entries, sent };
}

function freshEntry(line: Extract<Line, { kind: "intent" }>): Entry {
  const { key, type, sha256, size } = line;
  const untold = { id: null, seq: 0, unknownCount: 0, committed: null };
  const undisturbed = {
    isCancelled: false,
    isDisturbed: false,
    isDeleting: false,
    isDeleted: false,
  };
  return { key, type, sha256, size, ...untold, ...undisturbed };
}

type KeyLine = Exclude<Line, { kind: "intent" | "executed" }>;

function take(entry: Entry, line: KeyLine, findings: Findings): void {
  const { key } = line;
  switch (line.kind) {
    case "ack":
      if (entry.id !== null && entry.id !== line.id) {
        findings.note("L12", `${key} was acknowledged as ${entry.id}, then as ${line.id}`);
      }
      if (!line.isReplay && line.seq <= line.above) {
        findings.note("L7", `${key} got the number ${line.seq} after ${line.above} was given out`);
      }
      entry.id = line.id;
      entry.seq = line.seq;
      return;
    case "unknown":
      entry.unknownCount += 1;
      return;
    case "committed":
      if (entry.committed !== null && entry.committed !== line.sha256) {
        const then = `${entry.committed}, then as ${line.sha256}`;
        findings.note("L3", `the result of ${key} was read as ${then}`);
      }
      entry.committed ??= line.sha256;
      return;
    case "cancelling":
      entry.isDisturbed = true;
      return;
    case "cancelled":
      entry.isCancelled = true;
      return;
    case "retrying":
      entry.isCancelled = false;
      return;
    case "deleting":
      entry.isDeleting = true;
      return;
    case "deleted":
      entry.isDeleted = true;
  }
}
