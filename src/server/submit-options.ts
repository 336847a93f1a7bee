// The options of a submission, as query parameters or form fields bring them. None is ever ignored: what is
// unknown, known but not built, or out of bounds is refused by name.

import * as v from "valibot";
import { GridError } from "../domain/errors.ts";
import type { JobOptions, Priority } from "../domain/job.ts";
import { hasHiddenCharacters, keyProblem } from "../domain/key.ts";
import { isMediaType } from "../domain/media-type.ts";
import { attemptCountMax, labelsBytesMax, timeoutMsMax } from "../domain/limits-server.ts";
import { descriptionCharactersMax, groupBytesMax, groupRunningCountMax } from "../domain/limits.ts";
import { parseNeeds, toRequires } from "../domain/requirements.ts";
import { flag, instant, readWords, refuseUnknown, seconds, wholeNumber, word } from "./query.ts";
import type { Words } from "./query.ts";

export type SubmitOptions = {
  readonly key: string | null;
  readonly priority: Priority;
  readonly description: string | null;
  readonly labels: string | null;
  readonly group: string | null;
  readonly contentType: string | null;
  readonly options: JobOptions;
};

const unsupported = ["after", "after_any", "cache", "on_done"];

export const submitOptions = v.object({
  priority: v.optional(priority(), "batch"),
  key: v.optional(problemFree("key", keyProblem)),
  description: v.optional(problemFree("description", descriptionProblem)),
  group: v.optional(problemFree("group", groupProblem)),
  labels: v.optional(labels()),
  content_type: v.optional(problemFree("content_type", contentTypeProblem)),
  max_attempts: v.optional(wholeNumber("max_attempts", 1, attemptCountMax)),
  timeout_s: v.optional(seconds("timeout_s", 1, timeoutMsMax)),
  not_before: v.optional(instant("not_before")),
  deadline: v.optional(instant("deadline")),
  hold: v.optional(flag("hold")),
  group_running_max: v.optional(wholeNumber("group_running_max", 1, groupRunningCountMax)),
  requires: v.optional(requires()),
});
const names = Object.keys(submitOptions.entries);

/** Refuses a name that is no option; `others` may stand beside the options. */
export function requireOption(what: string, name: string, others: readonly string[]): void {
  if (unsupported.includes(name)) {
    throw new GridError(
      "unsupported-option",
      `This server does not offer "${name}" yet. Leave it out.`,
    );
  }
  refuseUnknown(what, name, [...others, ...names]);
}

/** Empty values count as left out: forms send fields that nobody filled in. */
export function readSubmitOptions(words: Words): SubmitOptions {
  const given: Words = new Map([...words].filter(([, value]) => value.trim() !== ""));
  const read = readWords(given, submitOptions);
  if (read.group_running_max !== undefined && read.group === undefined) throw limitWithoutGroup();
  return {
    key: read.key ?? null,
    priority: read.priority,
    description: read.description ?? null,
    labels: read.labels ?? null,
    group: read.group ?? null,
    contentType: read.content_type ?? null,
    options: {
      maxAttempts: read.max_attempts ?? null,
      timeoutMs: read.timeout_s ?? null,
      notBefore: read.not_before ?? null,
      deadline: read.deadline ?? null,
      hold: read.hold ?? false,
      groupRunningMax: read.group_running_max ?? null,
      requires: read.requires ?? null,
    },
  };
}

function limitWithoutGroup(): GridError {
  return new GridError(
    "malformed",
    "group_running_max limits the jobs of a group, and no group is given. Give a group with it, or leave it out.",
  );
}

/** Why `text` is no media type that a header could carry, or null when it is one. */
export function contentTypeProblem(text: string): string | null {
  return isMediaType(text)
    ? null
    : `The content type "${text.slice(0, 64)}" is no media type like image/png.`;
}

/** The sentence is the original's, word for word. */
function priority() {
  return word<Priority>(
    (text) => (text === "immediate" || text === "batch" ? text : null),
    (shown) => `Unrecognized priority '${shown}', use either 'immediate' or 'batch'`,
    { type: "string", enum: ["immediate", "batch"] },
  );
}

function problemFree(name: string, problemOf: (text: string) => string | null) {
  return v.pipe(
    v.string(),
    v.check(
      (text) => problemOf(text) === null,
      ({ input }) => problemOf(input) ?? name,
    ),
  );
}

/** However it was written, one text for the same. */
function requires() {
  return v.pipe(
    v.string(),
    v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
      const parsed = parseNeeds(dataset.value);
      if (parsed.kind === "needs") return toRequires(parsed.needs);
      addIssue({ message: parsed.problem });
      return NEVER;
    }),
  );
}

function descriptionProblem(text: string): string | null {
  const count = Array.from(text).length;
  if (count > descriptionCharactersMax) {
    return `The description has ${count} characters; the most is ${descriptionCharactersMax}.`;
  }
  return hasHiddenCharacters(text) || !text.isWellFormed()
    ? "The description holds control or direction characters. Leave them out."
    : null;
}

function groupProblem(text: string): string | null {
  const size = new TextEncoder().encode(text).length;
  if (size > groupBytesMax) return `The group has ${size} bytes; the most is ${groupBytesMax}.`;
  if (text === "." || text === "..") return `"${text}" cannot be a group. Choose another name.`;
  return hasHiddenCharacters(text) || !text.isWellFormed()
    ? "The group holds control or direction characters. Leave them out."
    : null;
}

function labels() {
  return word(
    (text) => {
      if (new TextEncoder().encode(text).length > labelsBytesMax) return null;
      const parsed = parseJson(text);
      const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
      return isObject ? JSON.stringify(parsed) : null;
    },
    (shown) => `labels is ${shown}: give a JSON object of at most ${labelsBytesMax} bytes.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // No JSON, or nested so deep that no object of labels was meant.
  }
}
