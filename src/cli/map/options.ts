// What a map was asked for, as the rest of it understands it.

import type { Halt } from "./halt.ts";
import type { MapWords } from "./read-words.ts";

export type MapOptions = {
  readonly words: MapWords;
  readonly input: InputOptions;
  readonly files: FileOptions;
  readonly show: ShowOptions;
  readonly run: RunOptions;
  readonly log: LogOptions;
};

export type InputOptions = {
  /** Files of arguments, before those that the words name. */
  readonly files: readonly string[];
  readonly separator: string;
  readonly columns: RegExp | null;
  /** So many arguments go to each job; null is one set of them. */
  readonly argumentCountMax: number | null;
  readonly replacement: string;
  /** The first line of each source names its columns. */
  readonly hasHeader: boolean;
  /** The words of the command are quoted, too. */
  readonly isQuoted: boolean;
  /** Empty arguments are passed over. */
  readonly skipsEmpty: boolean;
};

export type FileOptions = {
  /** Whether arguments that name files travel by themselves. */
  readonly sendsArguments: boolean;
  /** Replacement strings for further files, or the arguments themselves. */
  readonly sent: readonly string[];
  /** Files that every job gets. */
  readonly base: readonly string[];
  /** Patterns; "changed" is all that is new or changed. */
  readonly returned: "changed" | readonly string[];
  /** Variables of this process that commands get. */
  readonly env: readonly string[];
};

export type ShowOptions = {
  readonly keepsOrder: boolean;
  /** Stands before each line of output, with a tab behind it; null for nothing. */
  readonly tag: string | null;
  readonly printsCommands: boolean;
  readonly progress: "none" | "bar" | "eta" | "counts";
};

export type RunOptions = {
  readonly isDry: boolean;
  /** Jobs that run at a time, as it was written: `4`, `50%`, `+1`; null for as many as there are processors. */
  readonly jobs: string | null;
  /** Tries of a job whose command fails. */
  readonly tryCountMax: number;
  readonly halt: Halt | null;
  readonly timeoutMs: number | null;
  readonly delayMs: number;
};

export type LogOptions = {
  readonly joblog: string | null;
  readonly isAppended: boolean;
  /** What of the joblog is done again. */
  readonly resume: "nothing" | "missing" | "missing-and-failed" | "failed";
};
