// Follows what is said in a job: what runs is told as it comes, each attempt's end once it is over. Ends with the job.

import type { Broker, HistoryView } from "../broker/broker.ts";
import type { LogPiece } from "../broker/live-logs.ts";
import { GridError } from "../domain/errors.ts";
import type { JobSeq } from "../domain/job.ts";
import { liveLogBytesMax, timerMsMax } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { WireAttempt } from "../protocol/http-api.ts";
import { createBell } from "./bell.ts";
import { toEndText, toLogText, toOpenHead } from "./log-text.ts";
import { toWireHistory } from "./wire-history.ts";

export type TellLogsDeps = {
  readonly broker: Pick<Broker, "history" | "watch" | "watchLogs">;
  readonly clock: Clock;
};

export async function* tellLogs(
  { broker, clock }: TellLogsDeps,
  seq: JobSeq,
  title: string,
  stop: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const bell = createBell({ clock });
  const spoken = createSpoken();
  const leave = await broker.watch((events) => {
    if (events.some(({ job }) => job === seq)) bell.ring();
  });
  const leaveLogs = broker.watchLogs(seq, (piece) => {
    spoken.put(piece);
    bell.ring();
  });
  try {
    yield title;
    const told = new Set<number>();
    while (!stop.aborted) {
      const history = await historyOrNull(broker, seq);
      if (history === null) return;
      const { attempts } = toWireHistory(history);
      const text = attempts.map((attempt) => {
        const said = spoken.take(attempt);
        if (attempt.outcome === null || told.has(attempt.attempt)) return said;
        told.add(attempt.attempt);
        if (!spoken.isKnown(attempt)) return said + toLogText(attempt);
        return said + spoken.endLine() + toEndText(attempt);
      });
      if (text.some((part) => part !== "")) yield text.join("");
      if (isOver(history)) return;
      await bell.wait(timerMsMax, stop);
    }
  } finally {
    leaveLogs();
    leave();
  }
}

type Spoken = {
  put(piece: LogPiece): void;
  /** What was said in this attempt since the last time, under its head line the first time. */
  take(attempt: WireAttempt): string;
  /** True when something was told of this attempt. */
  isKnown(attempt: WireAttempt): boolean;
  /** A line's end, if what was told last has none. */
  endLine(): string;
};

/** What came and was not told yet; of a reader that is slow the oldest is left out. */
function createSpoken(): Spoken {
  const decoders = new Map<string, TextDecoder>();
  const headed = new Set<number>();
  let waiting: { readonly attempt: number; readonly text: string }[] = [];
  let waitingCharacters = 0;
  let isInLine = false;

  const decode = ({ attempt, stream, bytes }: LogPiece) => {
    const name = `${attempt} ${stream}`;
    const decoder = decoders.get(name) ?? new TextDecoder();
    decoders.set(name, decoder);
    return decoder.decode(bytes, { stream: true }); // A character may be cut by the end of a piece.
  };

  return {
    put(piece) {
      const text = decode(piece);
      waiting.push({ attempt: piece.attempt, text });
      waitingCharacters += text.length;
      while (waitingCharacters > liveLogBytesMax) {
        waitingCharacters -= waiting.shift()?.text.length ?? waitingCharacters;
      }
    },
    take(attempt) {
      const isOf = (one: { readonly attempt: number }) => one.attempt === attempt.attempt;
      const text = waiting.filter(isOf).map((one) => one.text);
      if (text.length === 0) return "";
      waiting = waiting.filter((one) => !isOf(one));
      const said = text.join("");
      waitingCharacters -= said.length;
      isInLine = !said.endsWith("\n");
      if (headed.has(attempt.attempt)) return said;
      headed.add(attempt.attempt);
      return toOpenHead(attempt) + said;
    },
    isKnown: ({ attempt }) => headed.has(attempt),
    endLine() {
      const end = isInLine ? "\n" : "";
      isInLine = false;
      return end;
    },
  };
}

/** Null once the job is deleted. */
async function historyOrNull(
  broker: TellLogsDeps["broker"],
  seq: JobSeq,
): Promise<HistoryView | null> {
  try {
    return await broker.history({ by: "seq", seq });
  } catch (error) {
    if (error instanceof GridError && error.code === "no-such-job") return null;
    throw error;
  }
}

function isOver({ events }: HistoryView): boolean {
  const status = events.at(-1)?.status;
  return status !== "pending" && status !== "running";
}
