// Sorts what a file holds into settings and types, and names everything that is neither. No value is judged here.

import { isTypeName } from "../domain/job-type.ts";
import { typeCountMax } from "../domain/limits.ts";
import { inFile } from "./given.ts";
import type { Given, GivenByName, Problem } from "./given.ts";
import { isTable, knownKeys, typeKeys, unknownKey } from "./known-keys.ts";
import type { Place, TomlTable, TomlValue } from "./toml.ts";

/** A configured type. `given` goes by plain keys: `timeout_s`. */
export type GivenType = {
  readonly name: string;
  readonly at: Place;
  readonly given: GivenByName;
};

export type FileContent = {
  readonly given: GivenByName;
  readonly types: readonly GivenType[];
  readonly problems: readonly Problem[];
};

export function collectFile(root: TomlTable): FileContent {
  const given = new Map<string, Given>();
  const types: GivenType[] = [];
  const problems: Problem[] = [];
  const walk = (table: TomlTable, path: string) => {
    for (const [key, entry] of table.entries) {
      const name = path === "" ? key : `${path}.${key}`;
      if (name === "types" && entry.kind === "table") {
        for (const found of collectTypes(entry, problems)) types.push(found);
      } else if (isTable(name) && entry.kind === "table") walk(entry, name);
      else if (knownKeys.has(name) && entry.kind === "value") given.set(name, givenHere(entry));
      else problems.push({ origin: inFile(entry.keyAt), sentence: misplaced(path, key, entry) });
    }
  };
  walk(root, "");
  return { given, types, problems };
}

function collectTypes(table: TomlTable, problems: Problem[]): readonly GivenType[] {
  const types: GivenType[] = [];
  for (const [name, entry] of table.entries) {
    const refuse = (sentence: string) => problems.push({ origin: inFile(entry.keyAt), sentence });
    if (!isTypeName(name)) {
      refuse(
        `${JSON.stringify(name)} cannot name a type: a name has 1 to 64 letters, digits, ".", "_" and "-", begins with a letter or digit, and is not delete, cancel, retry, hold or unhold.`,
      );
    } else if (entry.kind === "value") {
      refuse(`"types.${name}" is a type, so it is a table: write [types.${name}].`);
    } else {
      types.push({ name, at: entry.keyAt, given: collectType(entry, name, problems) });
    }
  }
  const surplus = types[typeCountMax];
  if (surplus !== undefined) {
    const sentence = `There are ${types.length} types; the most is ${typeCountMax}. Remove some.`;
    problems.push({ origin: inFile(surplus.at), sentence });
  }
  return types;
}

function collectType(table: TomlTable, name: string, problems: Problem[]): GivenByName {
  const given = new Map<string, Given>();
  for (const [key, entry] of table.entries) {
    if (typeKeys.has(key) && entry.kind === "value") given.set(key, givenHere(entry));
    else {
      const sentence = typeKeys.has(key)
        ? `"${key}" takes a value, not a table.`
        : unknownKey(`types.${name}`, key);
      problems.push({ origin: inFile(entry.keyAt), sentence });
    }
  }
  return given;
}

/** What to say of an entry that is unknown, or a table for a value, or a value for a table. */
function misplaced(path: string, key: string, entry: TomlTable | TomlValue): string {
  const name = path === "" ? key : `${path}.${key}`;
  if (entry.kind === "value" && (isTable(name) || name === "types")) {
    const table = name === "types" ? "types.NAME" : name;
    return `"${name}" holds settings, so it is a table: write [${table}].`;
  }
  if (entry.kind === "table" && knownKeys.has(name)) return `"${name}" takes a value, not a table.`;
  return unknownKey(path, key);
}

function givenHere(entry: TomlValue): Given {
  return { value: entry.value, text: entry.text, origin: inFile(entry.at) };
}
