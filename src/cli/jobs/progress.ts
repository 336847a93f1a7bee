// How far jobs are: a bar that moves on a terminal until all are settled, one line of the moment everywhere else.

import { createSystemClock, type Clock } from "../../platform/clock.ts";
import { writeStderr } from "../../platform/program.ts";
import { isTerminal, terminalColumns } from "../../platform/terminal.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { progressMs, progressRestFactor } from "../limits.ts";
import { printJson, printResult } from "../output.ts";
import { toSafeLine } from "../safe-text.ts";
import { parseSelectors } from "../selectors.ts";
import { ageText } from "../time-text.ts";
import { createTrouble } from "../trouble.ts";
import { createLook, type Look, type Progress } from "./look.ts";
import { interruptedNotice } from "./wait.ts";
import { rateText } from "./words.ts";

export type ProgressOptions = { readonly selectors: readonly string[]; readonly isJson: boolean };

export async function progress(flags: ServerFlags, options: ProgressOptions): Promise<void> {
  const isMoving = !options.isJson && isTerminal("stderr");
  await useServer(
    flags,
    async (grid) => {
      const trouble = createTrouble();
      const look = await createLook(grid, parseSelectors(options.selectors), trouble);
      const seen = isMoving ? await follow(grid, look, createSystemClock()) : await look();
      if (options.isJson) printJson(toJson(seen));
      else printResult(toLine(seen));
      if (seen.failed + seen.cancelled > 0) trouble.note(exitCode.jobFailed);
      return trouble.code();
    },
    { interruptedNotice },
  );
}

async function follow({ signal }: Grid, look: Look, clock: Clock): Promise<Progress> {
  try {
    for (;;) {
      const beganMs = clock.monotonicMs();
      const seen = await look();
      draw(barText(seen, terminalColumns("stderr") ?? 80));
      if (settledCount(seen) >= seen.total) return seen;
      const tookMs = clock.monotonicMs() - beganMs;
      await clock.sleep(Math.max(progressMs, tookMs * progressRestFactor), signal);
      signal.throwIfAborted();
    }
  } finally {
    draw("");
  }
}

/** In place of what stood there: to the line's beginning, the text, and nothing behind it. */
function draw(text: string): void {
  writeStderr(`\r${text}\u001b[K`);
}

function settledCount({ done, failed, cancelled }: Progress): number {
  return done + failed + cancelled;
}

const barColumns = 24;

/** `[########----]  37/100 done, 2 failed, 4 running, 42s left`, at most as wide as the terminal. */
export function barText(seen: Progress, columns: number): string {
  const share = seen.total === 0 ? 1 : settledCount(seen) / seen.total;
  const filled = Math.floor(share * barColumns);
  const bar = `[${"#".repeat(filled)}${"-".repeat(barColumns - filled)}]`;
  return toSafeLine(`${bar} ${toLine(seen)}`, columns - 1);
}

function toLine(seen: Progress): string {
  const { total, done, failed, cancelled, running, percent, note, doneRate, leftMs } = seen;
  return [
    `${done} of ${total} done`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(cancelled === 0 ? [] : [`${cancelled} cancelled`]),
    ...(running === 0 ? [] : [`${running} running`]),
    ...(percent === null ? [] : [`${Math.round(percent)} %`]),
    ...(note === null ? [] : [toSafeLine(note)]),
    ...(doneRate === null || doneRate === 0 ? [] : [rateText(doneRate)]),
    ...(leftMs === null ? [] : [`${ageText(leftMs)} left`]),
  ].join(", ");
}

function toJson(seen: Progress) {
  const { total, pending, running, done, failed, cancelled, percent, note, doneRate, leftMs } =
    seen;
  return {
    total,
    pending,
    running,
    done,
    failed,
    cancelled,
    percent,
    note,
    done_rate: doneRate,
    left_s: leftMs === null ? null : Math.round(leftMs / 1000),
  };
}
