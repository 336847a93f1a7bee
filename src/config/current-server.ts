// Which of the servers in context.toml commands talk to unless they are told otherwise: one line above the entries.

import { parseToml } from "./toml.ts";

/** What the line says, or null when there is none. */
export function currentServer(text: string): string | null {
  const value = lineOf(text)?.value;
  return typeof value === "string" ? value : null;
}

/** The text with this name in its line, or without the line for null. Null when the text is no TOML. */
export function withCurrentServer(text: string, name: string | null): string | null {
  const lines = text.split("\n");
  const found = lineOf(text);
  const written = name === null ? [] : [`current = ${JSON.stringify(name)}`];
  if (found !== null) lines.splice(found.line - 1, 1, ...written);
  else if (name !== null) {
    // Behind the comment that begins the file, and above every table.
    const at = lines.findIndex((line) => !line.startsWith("#"));
    lines.splice(at === -1 ? lines.length : at, 0, ...written);
  }
  const changed = lines.join("\n");
  // A value over several lines is none of ours: then the file is left alone.
  return parseToml(changed).kind === "table" && currentServer(changed) === name ? changed : null;
}

function lineOf(text: string): { readonly line: number; readonly value: unknown } | null {
  const parsed = parseToml(text);
  const found = parsed.kind === "table" ? parsed.root.entries.get("current") : undefined;
  return found?.kind === "value" ? { line: found.keyAt.line, value: found.value } : null;
}
