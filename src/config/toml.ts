// TOML as a tree that knows where each key and value stands, so that a problem can be shown by line and column.
// Apart because it alone knows the parser and its syntax tree. Maps, not objects: a key may be any word.

import { ParseError, parseTOML } from "toml-eslint-parser";
import type { AST } from "toml-eslint-parser";

/** Both count from 1. */
export type Place = { readonly line: number; readonly column: number };

export type TomlTable = {
  readonly kind: "table";
  readonly keyAt: Place;
  readonly entries: Map<string, TomlTable | TomlValue>;
};

/** A value that is no table. `text` is how it was written. A date is an object, a list an array. */
export type TomlValue = {
  readonly kind: "value";
  readonly keyAt: Place;
  readonly at: Place;
  readonly value: unknown;
  readonly text: string;
};

export type ParsedToml =
  | { readonly kind: "table"; readonly root: TomlTable }
  | { readonly kind: "malformed"; readonly at: Place; readonly problem: string };

export function parseToml(source: string): ParsedToml {
  const text = withoutMark(source);
  try {
    const [top] = parseTOML(text, { tomlVersion: "1.0" }).body;
    const root = tableAt({ line: 1, column: 1 });
    for (const node of top.body) {
      if (node.type === "TOMLKeyValue") addValue(root, node, text);
      else addTable(root, node, text);
    }
    return { kind: "table", root };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const at = { line: error.lineNumber, column: error.column + 1 };
    return { kind: "malformed", at, problem: error.message };
  }
}

/** One table of an array of tables: where its text begins and ends, and its simple values. */
export type TomlBlock = {
  readonly start: number;
  readonly end: number;
  readonly values: ReadonlyMap<string, unknown>;
};

/** The tables written as `[[name]]`, or null when the text is no TOML. */
export function arrayTables(text: string, name: string): readonly TomlBlock[] | null {
  try {
    const [top] = parseTOML(text, { tomlVersion: "1.0" }).body;
    return top.body
      .filter((node) => node.type === "TOMLTable")
      .filter((table) => table.resolvedKey[0] === name && table.resolvedKey.length === 2)
      .map((table) => ({
        start: table.range[0],
        end: table.range[1],
        values: new Map(
          table.body.map((pair) => [keysOf(pair.key).join("."), valueOf(pair.value)]),
        ),
      }));
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

/** Some editors begin a text with a byte order mark. */
function withoutMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

function addTable(root: TomlTable, node: AST.TOMLTable, text: string): void {
  const keyAt = placeOf(node.key);
  const arrayDepth = node.resolvedKey.findIndex((part) => typeof part === "number");
  if (arrayDepth !== -1) {
    // No setting is an array of tables: it is kept as a value, which its schema then refuses.
    const path = node.resolvedKey.slice(0, arrayDepth).map(String);
    const owner = descend(root, path.slice(0, -1), keyAt);
    const written = `[[${path.join(".")}]]`;
    owner.entries.set(path.at(-1) ?? "", {
      kind: "value",
      keyAt,
      at: keyAt,
      value: [],
      text: written,
    });
    return;
  }
  const table = descend(root, node.resolvedKey.map(String), keyAt);
  for (const pair of node.body) addValue(table, pair, text);
}

function addValue(table: TomlTable, node: AST.TOMLKeyValue, text: string): void {
  const keys = keysOf(node.key);
  const keyAt = placeOf(node.key);
  if (node.value.type === "TOMLInlineTable") {
    const inner = descend(table, keys, keyAt);
    for (const pair of node.value.body) addValue(inner, pair, text);
    return;
  }
  descend(table, keys.slice(0, -1), keyAt).entries.set(keys.at(-1) ?? "", {
    kind: "value",
    keyAt,
    at: placeOf(node.value),
    value: valueOf(node.value),
    text: text.slice(...node.value.range),
  });
}

/** The table below `table` at `path`, made where it is missing. The parser has refused every clash of keys. */
function descend(table: TomlTable, path: readonly string[], keyAt: Place): TomlTable {
  let current = table;
  for (const key of path) {
    const next = current.entries.get(key);
    if (next?.kind === "table") {
      current = next;
      continue;
    }
    const made = tableAt(keyAt);
    current.entries.set(key, made);
    current = made;
  }
  return current;
}

function tableAt(keyAt: Place): TomlTable {
  return { kind: "table", keyAt, entries: new Map() };
}

function valueOf(node: AST.TOMLContentNode): unknown {
  if (node.type === "TOMLArray") return node.elements.map(valueOf);
  if (node.type === "TOMLInlineTable") return {};
  if (node.kind === "integer" && !Number.isSafeInteger(node.value)) return node.bigint;
  return node.value;
}

function keysOf(key: AST.TOMLKey): readonly string[] {
  return key.keys.map((part) => (part.type === "TOMLBare" ? part.name : part.value));
}

function placeOf(node: AST.HasLocs): Place {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}
