// What one running job says, until it is passed on: the last of its progress, and what of its streams has not
// travelled yet, with where in the stream it stands. Bounded; of too much the oldest is left out.

import { joinBytes } from "../../domain/join-bytes.ts";
import { failureTailBytesMax, progressMsMin } from "../../domain/limits-worker.ts";
import { frameBodyBytesMax, progressInfoCharactersMax } from "../../domain/limits.ts";
import type { Message } from "../../protocol/frame.ts";
import type { AttemptName } from "./conversation-words.ts";
import type { Report } from "../runner.ts";
import { createTail } from "../warm/tail.ts";

type StreamName = "stdout" | "stderr";

export type JobWords = {
  readonly report: Report;
  /** What may be passed on now; of each stream one message, so that all jobs get their turn. */
  take(atMs: number): readonly Message[];
  /** All that is left, when the job has ended. */
  takeRest(): readonly Message[];
  /** The end of its standard error. */
  tail(): string;
};

export function createJobWords(
  { job, attempt }: AttemptName,
  { logBytesMax }: { readonly logBytesMax: number },
): JobWords {
  const streams = { stdout: createPending(logBytesMax), stderr: createPending(logBytesMax) };
  const tail = createTail(failureTailBytesMax);
  let percent: number | null = null;
  let info: string | null = null;
  let isNews = false;
  let toldAtMs = Number.NEGATIVE_INFINITY;

  const logOf = (stream: StreamName): Message | null => {
    const next = streams[stream].take();
    if (next === null) return null;
    const header = { op: "log", job, attempt, stream, offset: next.offset };
    return { header, body: next.bytes };
  };
  const logs = () => [logOf("stdout"), logOf("stderr")].filter((message) => message !== null);
  const progress = (): readonly Message[] => {
    if (!isNews) return [];
    isNews = false;
    return [{ header: { op: "progress", job, attempt, percent, info }, body: noBytes }];
  };

  return {
    report: {
      progress(newPercent, newInfo) {
        if (newPercent !== null && Number.isFinite(newPercent)) {
          percent = Math.min(Math.max(newPercent, 0), 100);
        }
        if (newInfo !== null) info = newInfo.slice(0, progressInfoCharactersMax).toWellFormed();
        isNews = percent !== null || info !== null;
      },
      log(stream, bytes) {
        if (bytes.length === 0) return;
        streams[stream].add(bytes);
        if (stream === "stderr") tail.add(bytes);
      },
    },
    take(atMs) {
      if (atMs - toldAtMs < progressMsMin) return logs();
      const news = progress();
      if (news.length > 0) toldAtMs = atMs;
      return [...logs(), ...news];
    },
    takeRest() {
      const rest: Message[] = [];
      for (let next = logs(); next.length > 0; next = logs()) rest.push(...next);
      return [...rest, ...progress()];
    },
    tail: () => tail.text().toWellFormed(),
  };
}

const noBytes = new Uint8Array(0);

/** Bytes of a stream that wait; `offset` is where the first of them stands. */
function createPending(bytesMax: number) {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let offset = 0;
  const cutFront = (count: number) => {
    offset += count;
    bytes -= count;
    for (let left = count; left > 0;) {
      const first = pieces[0]!;
      if (first.length > left) pieces[0] = first.subarray(left);
      else pieces.shift();
      left -= Math.min(left, first.length);
    }
  };
  return {
    add(piece: Uint8Array) {
      pieces.push(piece.slice());
      bytes += piece.length;
      if (bytes > bytesMax) cutFront(bytes - bytesMax);
    },
    take() {
      if (bytes === 0) return null;
      const whole = joinBytes(pieces);
      const taken = whole.subarray(0, frameBodyBytesMax);
      const start = offset;
      pieces = [whole];
      cutFront(taken.length);
      return { offset: start, bytes: taken };
    },
  };
}
