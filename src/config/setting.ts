// The kinds of settings: each a valibot schema whose only message continues the words "it must be …", and that
// carries its default and its description. Everything said about a setting is derived from these.

import * as v from "valibot";

import { formatSize, parseSize } from "../domain/size.ts";

/** How a value is written where everything is text: in the environment and as a flag. */
export type SettingKind = "text" | "number" | "flag" | "size" | "list";

/** `example`: what the example file shows for a setting without default. `isSecret`: never printed. */
export type SettingNote = {
  readonly kind: SettingKind;
  readonly example?: string;
  readonly isSecret?: boolean;
};

type Rule<Input, Output> = {
  readonly schema: v.GenericSchema<Input, Output>;
  readonly kind: SettingKind;
};

/** A setting that has a value in any case. */
export function setting<Input, Output>(
  rule: Rule<Input, Output>,
  fallback: NoInfer<Input>,
  description: string,
) {
  const note: SettingNote = { kind: rule.kind };
  return v.pipe(
    v.optional(rule.schema, fallback as never), // The default is an input of the same schema.
    v.description(description),
    v.metadata(note),
  );
}

/** A setting that may be left out: its value is then null. */
export function openSetting<Input, Output>(
  rule: Rule<Input, Output>,
  note: Omit<SettingNote, "kind">,
  description: string,
) {
  const full: SettingNote = { kind: rule.kind, ...note };
  return v.pipe(
    v.optional(v.nullable(rule.schema), null),
    v.description(description),
    v.metadata(full),
  );
}

export function text(charactersMax: number): Rule<string, string> {
  const must = `a text of 1 to ${charactersMax} characters`;
  const schema = v.pipe(v.string(must), v.minLength(1, must), v.maxLength(charactersMax, must));
  return { schema, kind: "text" };
}

/** Text that fits `pattern`, described by `must`. */
export function textLike(pattern: RegExp, must: string): Rule<string, string> {
  return { schema: v.pipe(v.string(must), v.regex(pattern, must)), kind: "text" };
}

export function choice<const Name extends string>(names: readonly Name[]): Rule<Name, Name> {
  const schema = v.picklist(names, names.map((name) => `"${name}"`).join(" or "));
  return { schema, kind: "text" };
}

export function flag(): Rule<boolean, boolean> {
  return { schema: v.boolean("true or false"), kind: "flag" };
}

export function whole(min: number, max: number): Rule<number, number> {
  const must = `a whole number from ${min} to ${max}`;
  const schema = v.pipe(
    v.number(must),
    v.integer(must),
    v.minValue(min, must),
    v.maxValue(max, must),
  );
  return { schema, kind: "number" };
}

/** Seconds, which may be a fraction, as milliseconds. */
export function seconds(min: number, max: number): Rule<number, number> {
  const must = `a number of seconds from ${min} to ${max}`;
  const schema = v.pipe(
    v.number(must),
    v.finite(must),
    v.minValue(min, must),
    v.maxValue(max, must),
    v.transform((value) => Math.round(value * 1000)),
  );
  return { schema, kind: "number" };
}

/** A size in words or in bytes, as bytes. */
export function size(min: number, max: number): Rule<string | number, number> {
  const must = `a size such as "32 KiB" or a number of bytes, from ${formatSize(min)} to ${formatSize(max)}`;
  const schema = v.pipe(
    v.union([v.string(), v.number()], must),
    v.transform((value) => (typeof value === "string" ? parseSize(value) : value)),
    v.number(must),
    v.integer(must),
    v.minValue(min, must),
    v.maxValue(max, must),
  );
  return { schema, kind: "size" };
}

export function list(countMax: number): Rule<string[], string[]> {
  const must = `a list of at most ${countMax} texts`;
  const schema = v.pipe(v.array(v.string(must), must), v.maxLength(countMax, must));
  return { schema, kind: "list" };
}
