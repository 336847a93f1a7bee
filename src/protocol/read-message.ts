// What the messages of all sockets are read with: lines of JSON in a body, and the words for what fits no schema.

import * as v from "valibot";
import { GridError } from "../domain/errors.ts";

type Issues = readonly v.BaseIssue<unknown>[];

/** The values in a body of lines; empty ones are left out, and what is no JSON is null: the schema refuses it. */
export function readLines(body: Uint8Array): readonly unknown[] {
  const lines = new TextDecoder().decode(body).split("\n");
  return lines.filter((line) => line.trim() !== "").map(fromJson);
}

export function notFitting(what: string, issues: Issues): GridError {
  const said = issues.slice(0, 3).map((issue) => {
    const path = v.getDotPath(issue);
    return path === null ? issue.message : `${path}: ${issue.message}`;
  });
  return new GridError("malformed", `"${what}" does not fit the protocol: ${said.join("; ")}`);
}

function fromJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
