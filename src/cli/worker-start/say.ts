// What a worker says while it works: lines for the person who started it, or the product's own log for machines. Of many
// failures only some are told one by one, so that a bad night does not fill a disk.

import type { Clock } from "../../platform/clock.ts";
import { createLog, type Log } from "../../platform/log.ts";
import type { FailureNotice } from "../../wiring/allowed-runner.ts";
import { toSafeLine, toSafeText } from "../safe-text.ts";

export type Sayings = {
  readonly log: Log;
  notice(line: string): void;
  jobFailed(failure: FailureNotice): void;
  /** Whether this was the last thing that was said. */
  wasSaid(line: string): boolean;
};

export type SayDeps = {
  readonly clock: Clock;
  readonly write: (text: string) => void;
};

/** Failed jobs that are told one by one within a second; the others are counted. */
const failuresPerSecondMax = 3;

export function createSayings(form: "text" | "json", deps: SayDeps): Sayings {
  const { clock, write } = deps;
  const log = form === "json" ? createLog(clock, write) : createPlainLog(write);
  let last = "";
  let secondMs = Number.NEGATIVE_INFINITY;
  let [told, untold] = [0, 0];

  const say = (line: string) => {
    last = line;
    if (form === "json") log.info("worker.says", { text: line });
    else write(`${toSafeText(line)}\n`);
  };
  const flush = () => {
    if (untold > 0) say(`${untold} more ${untold === 1 ? "job" : "jobs"} failed.`);
    untold = 0;
  };
  return {
    log,
    notice: say,
    jobFailed({ key, type, info }) {
      if (clock.monotonicMs() - secondMs >= 1_000) {
        flush();
        [secondMs, told] = [clock.monotonicMs(), 0];
      }
      if (told === failuresPerSecondMax) {
        if (untold === 0) clock.after(1_000, flush);
        untold += 1;
        return;
      }
      told += 1;
      const what = type === "" ? key : `${key} (${type})`;
      say(toSafeLine(`Job ${what} failed: ${info}`));
    },
    wasSaid: (line) => last === line,
  };
}

/** What an operator would look for in a log is of no use at a terminal, but for what went wrong. */
function createPlainLog(write: (text: string) => void): Log {
  const line = (word: string, event: string, told: readonly string[]) =>
    write(`gridlike: ${word}: ${toSafeLine([event, ...told].join(" "))}\n`);
  return {
    info: () => {},
    warn: (event, fields = {}) =>
      line(
        "warning",
        event,
        Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`),
      ),
    error: (event, error) =>
      line("error", event, [error instanceof Error ? error.message : String(error)]),
  };
}
