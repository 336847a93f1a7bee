// Which keys there are, asked by people's spelling: what a name means, and what an unknown one was meant to be.

import * as v from "valibot";

import { didYouMean, nearest } from "../domain/nearest.ts";
import { laterKeys, sectionNames, sections, typeSection } from "./schema.ts";
import type { SectionName } from "./schema.ts";
import type { SettingNote } from "./setting.ts";

/** One key as everything that is said about it needs it. `fallback` is null when there is no default. */
export type KnownKey = {
  readonly name: string;
  readonly section: SectionName | "types.NAME";
  readonly key: string;
  readonly note: SettingNote;
  readonly description: string;
  readonly fallback: unknown;
};

/** The keys of a section, in the order of the schema. */
export function keysOfSection(section: SectionName | "types.NAME"): readonly KnownKey[] {
  const { schema } = section === "types.NAME" ? typeSection : sections[section];
  return Object.entries(schema.entries).map(([key, entry]) => ({
    name: `${section}.${key}`,
    section,
    key,
    note: v.getMetadata(entry) as SettingNote, // Each entry is made by setting() or openSetting().
    description: v.getDescription(entry) ?? "",
    fallback: v.getDefault(entry),
  }));
}

export const knownKeys: ReadonlyMap<string, KnownKey> = new Map(
  sectionNames.flatMap(keysOfSection).map((known) => [known.name, known]),
);

export const typeKeys: ReadonlyMap<string, KnownKey> = new Map(
  keysOfSection("types.NAME").map((known) => [known.key, known]),
);

/** True for `auth` and `server.tls`, in which or below which settings stand. */
export function isTable(name: string): boolean {
  return sectionNames.some((section) => section === name || section.startsWith(`${name}.`));
}

/** What to say of a key that is none. `table` is "" at the top of the file. */
export function unknownKey(table: string, key: string): string {
  const name = table === "" ? key : `${table}.${key}`;
  const later = laterKeys.get(name);
  if (later !== undefined) return `"${name}" is not served by this version. ${later}`;
  const place = table === "" ? "at the top of the file" : `in [${table}]`;
  return `There is no key "${key}" ${place}.${remedy(table, key)}`;
}

function remedy(table: string, key: string): string {
  const here = childrenOf(table);
  const meant = nearest(key, here);
  if (meant !== null) return ` Did you mean "${meant}"?`;
  const elsewhere = [...knownKeys.values()].find((known) => known.key === key);
  if (elsewhere !== undefined) return ` It belongs to [${elsewhere.section}].`;
  const other = nearest(
    key,
    [...knownKeys.values()].map((known) => known.key),
  );
  const found = [...knownKeys.values()].find((known) => known.key === other);
  if (found !== undefined) return ` Did you mean "${found.key}" in [${found.section}]?`;
  return ` Known here: ${here.join(", ")}.`;
}

/** The keys and tables that may stand in a table. */
function childrenOf(table: string): readonly string[] {
  if (table.startsWith("types.")) return [...typeKeys.keys()];
  const prefix = table === "" ? "" : `${table}.`;
  const names = [...knownKeys.keys(), ...(table === "" ? ["types"] : [])];
  const children = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).split(".")[0] ?? "");
  return [...new Set(children)];
}

/** The name of the environment variable that sets a key. */
export function variableOf(name: string): string {
  return `GRIDLIKE_${name.replaceAll(".", "_").toUpperCase()}`;
}

/** What to say of a variable that sets nothing. */
export function unknownVariable(name: string): string {
  for (const [key, remedyOfKey] of laterKeys) {
    if (name === variableOf(key) || name.startsWith(`${variableOf(key)}_`)) {
      return `"${key}" is not served by this version. ${remedyOfKey}`;
    }
  }
  if (name.startsWith("GRIDLIKE_TYPES_")) return "Types are set in the configuration file only.";
  const variables = [...knownKeys.keys()].map(variableOf);
  const sameKey = variables.find((variable) => variable.endsWith(name.slice("GRIDLIKE".length)));
  const hint = sameKey === undefined ? didYouMean(name, variables) : ` Did you mean "${sameKey}"?`;
  return `There is no setting of this name.${hint}`;
}
