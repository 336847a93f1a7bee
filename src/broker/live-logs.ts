// What running jobs say, while they run: the end of it, in memory, bounded for each and for all together. Who
// follows a job is handed every piece as it comes; what is left when the attempt ends is stored with it.

import { joinBytes } from "../domain/join-bytes.ts";
import type { JobSeq } from "../domain/job.ts";
import { liveLogBytesMax, liveLogsBytesMax } from "../domain/limits.ts";

export type LogStream = "stdout" | "stderr";

export type LogPiece = {
  readonly attempt: number;
  readonly stream: LogStream;
  readonly bytes: Uint8Array;
};

export type LiveLogs = {
  /** Takes bytes of a stream from `offset` on; those that came before are passed over. */
  put(seq: JobSeq, piece: LogPiece & { readonly offset: number }): void;
  /** What is kept of an attempt, as text, or null when it said nothing. */
  text(seq: JobSeq, attempt: number): string | null;
  /** The job does not run any more, and what was said is stored. */
  drop(seq: JobSeq): void;
  /** Calls with what is kept, then with every new piece, until the returned function is called. */
  watch(seq: JobSeq, call: (piece: LogPiece) => void): () => void;
};

type Spoken = {
  readonly attempt: number;
  /** Those before `first` are gone. */
  pieces: LogPiece[];
  first: number;
  /** With what the pieces themselves cost. */
  bytes: number;
  /** Where each stream goes on. */
  readonly ends: Record<LogStream, number>;
};

/** Small pieces of one stream are kept as one. */
const joinedBytesMax = 4 * 1024;

/** About what a piece takes beside its bytes. */
const pieceBytes = 128;

export function createLiveLogs(): LiveLogs {
  // The least recently spoken first.
  const spokenBySeq = new Map<JobSeq, Spoken>();
  const watchersBySeq = new Map<JobSeq, Set<(piece: LogPiece) => void>>();
  let keptBytes = 0;

  const forget = (seq: JobSeq, spoken: Spoken) => {
    keptBytes -= spoken.bytes;
    spokenBySeq.delete(seq);
  };
  const spokenOf = (seq: JobSeq, attempt: number): Spoken => {
    const known = spokenBySeq.get(seq);
    if (known?.attempt === attempt) return known;
    if (known !== undefined) forget(seq, known);
    return { attempt, pieces: [], first: 0, bytes: 0, ends: { stdout: 0, stderr: 0 } };
  };
  const grow = (spoken: Spoken, bytes: number) => {
    spoken.bytes += bytes;
    keptBytes += bytes;
  };
  const cutFront = (spoken: Spoken, bytesMax: number) => {
    while (spoken.bytes > bytesMax) {
      const piece = spoken.pieces[spoken.first];
      if (piece === undefined) return;
      const excess = spoken.bytes - bytesMax;
      if (excess < piece.bytes.length) {
        spoken.pieces[spoken.first] = { ...piece, bytes: piece.bytes.subarray(excess) };
        return grow(spoken, -excess);
      }
      spoken.first += 1;
      grow(spoken, -costOf(piece));
    }
    if (spoken.first * 2 <= spoken.pieces.length) return;
    spoken.pieces = spoken.pieces.slice(spoken.first);
    spoken.first = 0;
  };
  const append = (spoken: Spoken, piece: LogPiece) => {
    const last = spoken.pieces.at(-1);
    const isJoined =
      last?.stream === piece.stream &&
      spoken.first < spoken.pieces.length &&
      last.bytes.length + piece.bytes.length <= joinedBytesMax;
    if (isJoined) {
      spoken.pieces[spoken.pieces.length - 1] = {
        ...piece,
        bytes: joinBytes([last.bytes, piece.bytes]),
      };
      return grow(spoken, piece.bytes.length);
    }
    spoken.pieces.push(piece);
    grow(spoken, costOf(piece));
  };
  /** Those that were silent for longest give way; where each stream goes on is remembered. */
  const makeRoom = () => {
    for (const spoken of spokenBySeq.values()) {
      if (keptBytes <= liveLogsBytesMax) return;
      cutFront(spoken, Math.max(spoken.bytes - (keptBytes - liveLogsBytesMax), 0));
    }
  };

  return {
    put(seq, { attempt, stream, offset, bytes }) {
      const spoken = spokenOf(seq, attempt);
      const known = Math.min(Math.max(spoken.ends[stream] - offset, 0), bytes.length);
      spoken.ends[stream] = Math.max(spoken.ends[stream], offset + bytes.length);
      if (known === bytes.length) return;
      // A copy: a view would keep the whole frame that it came in.
      const piece = { attempt, stream, bytes: bytes.slice(known) };
      append(spoken, piece);
      cutFront(spoken, liveLogBytesMax);
      spokenBySeq.delete(seq);
      spokenBySeq.set(seq, spoken);
      makeRoom();
      for (const call of watchersBySeq.get(seq) ?? []) call(piece);
    },
    text(seq, attempt) {
      const spoken = spokenBySeq.get(seq);
      if (spoken?.attempt !== attempt || spoken.bytes === 0) return null;
      const kept = spoken.pieces.slice(spoken.first);
      return new TextDecoder().decode(joinBytes(kept.map(({ bytes }) => bytes)));
    },
    drop(seq) {
      const spoken = spokenBySeq.get(seq);
      if (spoken !== undefined) forget(seq, spoken);
    },
    watch(seq, call) {
      const spoken = spokenBySeq.get(seq);
      for (const piece of spoken?.pieces.slice(spoken.first) ?? []) call(piece);
      const watchers = watchersBySeq.get(seq) ?? new Set();
      watchersBySeq.set(seq, watchers.add(call));
      return () => {
        watchers.delete(call);
        if (watchers.size === 0) watchersBySeq.delete(seq);
      };
    },
  };
}

function costOf({ bytes }: LogPiece): number {
  return bytes.length + pieceBytes;
}
