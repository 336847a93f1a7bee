// The types known to the database: their numbers, and the page that their next job belongs to.
// Kept in memory; a page is written once per commit. A page that is full is turned at once, so that it stays
// full whatever page size a later run of the server has.

import { assert } from "../../domain/assert.ts";
import type { Statements } from "./statements.ts";

export type TypeEntry = {
  readonly id: number;
  readonly name: string;
};

export type Types = {
  /** By name. */
  all(): readonly TypeEntry[];
  find(name: string): TypeEntry | null;
  nameOf(id: number): string;
  /** The type, made known if it was not: inside a transaction. */
  ensure(name: string): TypeEntry;
  /** The page that the next job of the type belongs to. */
  page(type: TypeEntry): number;
  /** Counts one job more on that page. */
  place(type: TypeEntry): void;
  isFull(type: TypeEntry, batch: number): boolean;
  persist(): void;
  reload(): void;
};

type Entry = TypeEntry & { batch: number; batchCount: number; isDirty: boolean };

export function createTypes(statements: Statements, batchSize: number): Types {
  const byName = new Map<string, Entry>();
  const byId = new Map<number, Entry>();
  let dirty: Entry[] = [];

  function remember(entry: Entry): Entry {
    byName.set(entry.name, entry);
    byId.set(entry.id, entry);
    return entry;
  }

  function reload(): void {
    byName.clear();
    byId.clear();
    dirty = [];
    for (const row of statements.types.all({})) remember({ ...row, isDirty: false });
  }

  function insert(name: string): Entry {
    const type = statements.insertType.get({ name });
    assert(type !== null, "an inserted type has a number");
    const page = { batch: 0, batchCount: 0, isDirty: false };
    return remember({ id: type.id, name, ...page });
  }

  function entryOf({ id }: TypeEntry): Entry {
    const entry = byId.get(id);
    assert(entry !== undefined, `the type with the number ${id} is known`);
    return entry;
  }

  const turned = (entry: Entry) => entry.batchCount >= batchSize; // The page size was lowered since.

  reload();
  return {
    reload,
    all: () => [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    find: (name) => byName.get(name) ?? null,
    nameOf: (id) => entryOf({ id } as TypeEntry).name,
    ensure: (name) => byName.get(name) ?? insert(name),
    page: (type) => {
      const entry = entryOf(type);
      return turned(entry) ? entry.batch + 1 : entry.batch;
    },
    place: (type) => {
      const entry = entryOf(type);
      if (turned(entry)) Object.assign(entry, { batch: entry.batch + 1, batchCount: 0 });
      entry.batchCount += 1;
      if (turned(entry)) Object.assign(entry, { batch: entry.batch + 1, batchCount: 0 });
      if (!entry.isDirty) dirty.push(entry);
      entry.isDirty = true;
    },
    isFull: (type, batch) => {
      const entry = entryOf(type);
      return batch < entry.batch || (batch === entry.batch && turned(entry));
    },
    persist: () => {
      for (const entry of dirty) {
        const { id, batch, batchCount } = entry;
        statements.updateType.run({ id, batch, batchCount });
        entry.isDirty = false;
      }
      dirty = [];
    },
  };
}
