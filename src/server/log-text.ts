// One attempt as people read it: a line that says what became of it, then what its worker said.

import type { WireAttempt } from "../protocol/http-api.ts";

/** Nothing for an attempt that is still open. */
export function toLogText(attempt: WireAttempt): string {
  const { outcome, worker, ended, info, logs } = attempt;
  if (outcome === null) return "";
  const where = worker === null ? "" : ` on ${oneLine(worker.name)}`;
  const head = `== attempt ${attempt.attempt}: ${outcome}${where}${ended === null ? "" : ` at ${ended}`}\n`;
  return head + block(info) + block(logs);
}

/** The text with a line's end, or nothing. */
function block(text: string | null): string {
  if (text === null || text === "") return "";
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** A name must not look like lines of ours. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}
