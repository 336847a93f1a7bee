// How far a map is, as one line of standard error that is written over: a bar, an estimate, or counts.

import type { Clock, Timer } from "../../platform/clock.ts";
import { isTerminal, terminalColumns } from "../../platform/terminal.ts";
import { writeStderr } from "../../platform/program.ts";
import { progressMs } from "../limits.ts";
import { toSafeLine } from "../safe-text.ts";
import { spanText } from "../time-text.ts";
import type { ShowOptions } from "./options.ts";
import type { MapProgress } from "./awaited-jobs.ts";

export type ProgressLine = {
  update(progress: MapProgress): void;
  /** Makes room for output. */
  clear(): void;
  /** Leaves the last line standing. */
  end(): void;
};

const noLine: ProgressLine = { update: () => {}, clear: () => {}, end: () => {} };

/** Where standard error is no terminal there are only as many lines as people read: one at the end. */
export function createProgressLine(kind: ShowOptions["progress"], clock: Clock): ProgressLine {
  if (kind === "none") return noLine;
  const beganMs = clock.monotonicMs();
  const isWrittenOver = isTerminal("stderr");
  let latest: MapProgress | null = null;
  let timer: Timer | null = null;
  let isShown = false;

  const clear = () => {
    if (isShown) writeStderr("\r\u001b[K");
    isShown = false;
  };
  const draw = () => {
    timer = null;
    if (latest === null) return;
    clear();
    const columns = (terminalColumns("stderr") ?? 80) - 1;
    writeStderr(toSafeLine(lineOf(kind, latest, clock.monotonicMs() - beganMs, columns), columns));
    isShown = true;
  };
  return {
    update(progress) {
      latest = { ...progress };
      if (isWrittenOver) timer ??= clock.after(progressMs, draw);
    },
    clear,
    end() {
      timer?.cancel();
      draw();
      if (latest !== null) writeStderr("\n");
      isShown = false;
    },
  };
}

/** The line without its end. */
export function lineOf(
  kind: Exclude<ShowOptions["progress"], "none">,
  { doneCount, failedCount, totalCount, startedCount }: MapProgress,
  elapsedMs: number,
  columns: number,
): string {
  const failed = failedCount === 0 ? "" : ` ${failedCount} failed`;
  const of = totalCount === null ? `${doneCount}` : `${doneCount}/${totalCount}`;
  const leftMs =
    totalCount === null || doneCount === 0
      ? null
      : (elapsedMs / doneCount) * (totalCount - doneCount);
  if (kind === "counts")
    return `${of} done${failed}, ${Math.max(0, startedCount - doneCount)} running`;
  const left = leftMs === null ? "" : ` ETA ${spanText(leftMs)}`;
  const text = `${of}${failed}${left}`;
  if (kind === "eta" || totalCount === null) return text;
  const share = totalCount === 0 ? 1 : doneCount / totalCount;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const width = Math.max(0, Math.min(40, columns - text.length - percent.length - 4));
  const full = Math.floor(share * width);
  return `${percent} [${"#".repeat(full)}${"-".repeat(width - full)}] ${text}`;
}
