// Errors as they travel over HTTP: RFC 9457 problem details with the code that clients decide by.
// One shape for every door and every reader, so that an error is understood once.

import * as v from "valibot";
import { problems, type GridError, type Json, type ProblemCode } from "../domain/errors.ts";

export const problemMediaType = "application/problem+json";

export type Problem = {
  /** Fixed per code. */
  readonly title: string;
  readonly status: number;
  /** The sentence: the thing, the value, the remedy. */
  readonly detail: string;
  readonly code: ProblemCode;
  readonly info: { readonly [key: string]: Json };
  /** The same sentence, where clients of the original GridLike look for it. */
  readonly problem: string;
};

export function toProblem({ code, message, info }: GridError): Problem {
  const { status, title } = problems[code];
  return { title, status, detail: message, code, info, problem: message };
}

/** Reads an answer's body, or null when it is no problem of ours: a proxy may have written it. */
export function parseProblem(body: unknown): Problem | null {
  const parsed = v.safeParse(problemSchema, body);
  if (!parsed.success) return null;
  const { code, status, title, detail, info } = parsed.output;
  return { title, status, detail, code, info: info as Problem["info"], problem: detail }; // JSON it was.
}

const problemSchema = v.object({
  code: v.custom<ProblemCode>((code) => typeof code === "string" && Object.hasOwn(problems, code)),
  status: v.number(),
  title: v.string(),
  detail: v.string(),
  info: v.optional(v.record(v.string(), v.unknown()), {}),
});
