// Holds what was given against the schema: settings come out, or sentences that name the key, the value and
// what it must be. Secrets are never part of a sentence.

import * as v from "valibot";

import { assert } from "../domain/assert.ts";
import type { Given, GivenByName, Problem } from "./given.ts";
import { keysOfSection } from "./known-keys.ts";
import type { KnownKey } from "./known-keys.ts";
import { laterValues, sectionNames, sections, typeSection } from "./schema.ts";
import type { Settings, TypeSettings } from "./schema.ts";

/** A value in a sentence is cut here: longer ones are no help. */
const shownCharactersMax = 80;

type Refuse = (problem: Problem) => void;

/** The settings; each one that is refused has its default, so that the checks after this one go on. */
export function judgeSettings(given: GivenByName, refuse: Refuse): Settings {
  const settings = sectionNames.map((section) => {
    const { schema } = sections[section];
    return [section, judge(schema, keysOfSection(section), (known) => known.name, given, refuse)];
  });
  return Object.fromEntries(settings);
}

/** `given` goes by plain keys, the problems by full names. */
export function judgeType(name: string, given: GivenByName, refuse: Refuse): TypeSettings {
  const keys = keysOfSection("types.NAME").map((known) => ({
    ...known,
    name: `types.${name}.${known.key}`,
  }));
  const type = judge(typeSection.schema, keys, (known) => known.key, given, refuse);
  return type as TypeSettings; // It went through that schema.
}

function judge(
  schema: v.GenericSchema,
  keys: readonly KnownKey[],
  nameOf: (known: KnownKey) => string,
  given: GivenByName,
  refuse: Refuse,
): unknown {
  // Every key stands in the input, so that the schema of a missing one speaks for itself.
  const inputs = new Map(keys.map((known) => [known.key, given.get(nameOf(known))]));
  const valueOf = ([key, found]: readonly [string, Given | undefined]) => [key, found?.value];
  const result = v.safeParse(schema, Object.fromEntries([...inputs].map(valueOf)));
  if (result.success) return result.output;
  for (const { key, must } of firstIssues(result.issues)) {
    const known = keys.find((candidate) => candidate.key === key);
    assert(known !== undefined, "a section is refused key by key");
    refuse(problemOf(known, inputs.get(key), must));
    inputs.set(key, undefined);
  }
  return v.parse(schema, Object.fromEntries([...inputs].map(valueOf)));
}

/** One sentence for each key: further ones repeat the first. */
function firstIssues(issues: readonly v.BaseIssue<unknown>[]) {
  const mustByKey = new Map<string, string>();
  for (const issue of issues) {
    const part = issue.path?.[0]?.key;
    const key = typeof part === "string" ? part : "";
    if (!mustByKey.has(key)) mustByKey.set(key, issue.message);
  }
  return [...mustByKey].map(([key, must]) => ({ key, must }));
}

function problemOf(known: KnownKey, given: Given | undefined, must: string): Problem {
  const { name, note } = known;
  const origin = given?.origin ?? null;
  const later = laterValues.get(name)?.get(String(given?.value));
  const value = note.isSecret === true ? "not usable" : shown(given?.text ?? "missing");
  const sentence =
    later === undefined
      ? `${name} is ${value}; it must be ${must}.`
      : `${name} is ${value}, which is not served by this version. ${later}`;
  return { origin, sentence };
}

function shown(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length <= shownCharactersMax ? line : `${line.slice(0, shownCharactersMax)}…`;
}
