// The answer of a bulk submission, line by line.

import type { Door } from "./http-door.ts";

export type Line = { readonly [name: string]: unknown };

export const lineType = { "Content-Type": "application/x-ndjson" };
export const framesType = { "Content-Type": "application/vnd.gridlike.frames" };

export async function linesOf(answer: Response): Promise<readonly Line[]> {
  return parseLines(await answer.text());
}

export function parseLines(text: string): readonly Line[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** Submits lines of NDJSON, each an object or a text as it is. */
export function submitLines(door: Door, lines: readonly unknown[], query = ""): Promise<Response> {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  return door.call(`/jobs/submit-many${query}`, {
    method: "POST",
    headers: lineType,
    body: text.map((line) => `${line}\n`).join(""),
  });
}
