// What went wrong with some of what a command was asked for, while it goes on with the rest: told at once, and the
// gravest of it becomes the exit code.

import { ClientError } from "../client/index.ts";
import { inCommandWords } from "./command-words.ts";
import { exitCode } from "./exit-code.ts";
import { toldFailuresMax } from "./limits.ts";
import { printNotice } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";

/** The user's mistake, found here before any server was asked. */
export class UsageMistake extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = "UsageMistake";
  }
}

export type Trouble = {
  /** Tells of it. */
  add(sentence: string, code: number): void;
  /** Tells of what the server said of one job; throws on what concerns all of them. `remedy` ends the sentence. */
  addRefusal(error: unknown, about: string, remedy?: string): void;
  /** Remembers without telling. */
  note(code: number): void;
  /** The gravest, or 0. */
  code(): number;
};

const byGravity: readonly number[] = [
  exitCode.ok,
  exitCode.jobFailed,
  exitCode.usage,
  exitCode.refused,
  exitCode.unavailable,
];

export function createTrouble(): Trouble {
  let worst: number = exitCode.ok;
  let count = 0;
  const note = (code: number) => {
    if (byGravity.indexOf(code) > byGravity.indexOf(worst)) worst = code;
  };
  const add = (sentence: string, code: number) => {
    note(code);
    count += 1;
    if (count <= toldFailuresMax) printNotice(`gridlike: ${sentence}`);
    if (count === toldFailuresMax + 1) printNotice("gridlike: There is more of this, not shown.");
  };
  return {
    add,
    addRefusal(error, about, remedy = "") {
      if (!isAboutOne(error)) throw error;
      const said = `${inCommandWords(error.message)}${remedy}`;
      add(about === "" ? said : `${toSafeLine(about)}: ${said}`, codeOfError(error));
    },
    note,
    code: () => worst,
  };
}

/** The exit code of an error of the client. */
export function codeOfError({ code, status }: ClientError): number {
  if (code === "unreachable" || (status !== null && status >= 500)) return exitCode.unavailable;
  return status === null ? exitCode.usage : exitCode.refused;
}

/** A refusal that may be another one for the next job; all else ends the command. */
export function isAboutOne(error: unknown): error is ClientError {
  if (!(error instanceof ClientError) || error.code === "unreachable") return false;
  const { code, status } = error;
  return !(code in codesOfAll) && (status === null || status < 429);
}

const codesOfAll: { readonly [code: string]: true } = {
  unauthenticated: true,
  forbidden: true,
  "host-not-served": true,
  "no-such-route": true,
};
