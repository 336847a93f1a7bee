// The joblog, in the columns of GNU parallel, so that scripts that read the one read the other. Written a line per
// settled job; read again for --resume and its kin.

import { GridError } from "../../domain/errors.ts";

export type JoblogEntry = {
  readonly number: number;
  /** `:` is this machine. */
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly runtimeMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** -1 where it ended without one. */
  readonly exitValue: number;
  /** The number of a signal, or 0. */
  readonly signal: number;
  readonly command: string;
};

export const joblogHeader =
  "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

export function toJoblogLine(entry: JoblogEntry): string {
  const columns = [
    entry.number,
    entry.host,
    (entry.startedMs / 1000).toFixed(3),
    (entry.runtimeMs / 1000).toFixed(3).padStart(10),
    entry.sentBytes,
    entry.receivedBytes,
    entry.exitValue,
    entry.signal,
    entry.command.replaceAll("\n", "\0"),
  ];
  return `${columns.join("\t")}\n`;
}

export type LoggedJob = {
  readonly number: number;
  readonly isFailed: boolean;
  readonly command: string;
};

/** A line of a joblog; null for its header. Throws `malformed` for what is none. */
export function parseJoblogLine(line: string): LoggedJob | null {
  if (`${line}\n` === joblogHeader) return null;
  const [number = "", , , , , , exitValue = "", signal = "", ...command] = line.split("\t");
  if (!/^[0-9]+$/.test(number) || !/^-?[0-9]+$/.test(exitValue) || !/^[0-9]+$/.test(signal)) {
    const shown = JSON.stringify(line.slice(0, 80));
    throw new GridError(
      "malformed",
      `${shown} is no line of a joblog. Name another file with --joblog.`,
    );
  }
  return {
    number: Number(number),
    isFailed: exitValue !== "0" || signal !== "0",
    command: command.join("\t").replaceAll("\0", "\n"),
  };
}

/** What an interrupted map left in its joblog; the last line about a job counts. */
export type Logged = {
  /** Bits by the number of a job: hundreds of thousands of them take little room. */
  isSettled(number: number): boolean;
  isFailed(number: number): boolean;
  readonly lastNumber: number;
};

export function createLogged(): Logged & { note(job: LoggedJob): void } {
  const settled = createBits();
  const failed = createBits();
  let lastNumber = 0;
  return {
    isSettled: (number) => settled.has(number),
    isFailed: (number) => failed.has(number),
    get lastNumber() {
      return lastNumber;
    },
    note({ number, isFailed }) {
      settled.set(number, true);
      failed.set(number, isFailed);
      lastNumber = Math.max(lastNumber, number);
    },
  };
}

function createBits() {
  let bytes = new Uint8Array(1024);
  return {
    has: (at: number) => ((bytes[at >> 3] ?? 0) & (1 << (at & 7))) !== 0,
    set(at: number, isSet: boolean) {
      if (at >> 3 >= bytes.length) {
        const larger = new Uint8Array(Math.max(bytes.length * 2, (at >> 3) + 1));
        larger.set(bytes);
        bytes = larger;
      }
      const byte = bytes[at >> 3] ?? 0;
      bytes[at >> 3] = isSet ? byte | (1 << (at & 7)) : byte & ~(1 << (at & 7));
    },
  };
}
