// One attempt as people read it: a line that says what became of it, then what its worker said.

import type { WireAttempt } from "../protocol/http-api.ts";

/** Nothing for an attempt that is still open and has not said anything. */
export function toLogText(attempt: WireAttempt): string {
  const { outcome, logs } = attempt;
  if (outcome !== null) return toEndText(attempt) + block(logs);
  return logs === null ? "" : toOpenHead(attempt) + block(logs);
}

/** The line above what an open attempt says. */
export function toOpenHead(attempt: WireAttempt): string {
  return `== attempt ${attempt.attempt}: running${where(attempt)}\n`;
}

/** What became of it, without what it said. */
export function toEndText(attempt: WireAttempt): string {
  const { outcome, ended, info } = attempt;
  const when = ended === null ? "" : ` at ${ended}`;
  return `== attempt ${attempt.attempt}: ${outcome}${where(attempt)}${when}\n${block(info)}`;
}

function where({ worker }: WireAttempt): string {
  return worker === null ? "" : ` on ${oneLine(worker.name)}`;
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
