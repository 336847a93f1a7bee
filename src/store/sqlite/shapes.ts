// The shapes known to the database: a number for each type and requirements that jobs ever had together, kept in
// memory. Those that no job has any more are taken away at open, so that limits of groups long gone do not add up.

import type { Database } from "bun:sqlite";
import { assert } from "../../domain/assert.ts";
import type { Statements } from "./statements.ts";

export type Shapes = {
  find(type: number, requires: string): number | null;
  requiresOf(shape: number): string;
  /** The shape, made known if it was not: inside a transaction. */
  ensure(type: number, requires: string): number;
  reload(): void;
};

/** `used`: the numbers of the shapes that jobs have now. */
export function createShapes(
  db: Database,
  statements: Statements,
  used: ReadonlySet<number>,
): Shapes {
  const numbersByType = new Map<number, Map<string, number>>();
  const requiresByNumber = new Map<number, string>();

  function remember(type: number, requires: string, shape: number): number {
    const numbers = numbersByType.get(type) ?? new Map<string, number>();
    numbersByType.set(type, numbers.set(requires, shape));
    requiresByNumber.set(shape, requires);
    return shape;
  }

  function reload(): void {
    numbersByType.clear();
    requiresByNumber.clear();
    for (const { id, type, requires } of statements.shapes.all({})) remember(type, requires, id);
  }

  function insert(type: number, requires: string): number {
    const row = statements.insertShape.get({ type, requires });
    assert(row !== null, "an inserted shape has a number");
    return remember(type, requires, row.id);
  }

  const find = (type: number, requires: string) => numbersByType.get(type)?.get(requires) ?? null;

  forgetUnused(db, statements, used);
  reload();
  return {
    find,
    requiresOf: (shape) => {
      const requires = requiresByNumber.get(shape);
      assert(requires !== undefined, `the shape with the number ${shape} is known`);
      return requires;
    },
    ensure: (type, requires) => find(type, requires) ?? insert(type, requires),
    reload,
  };
}

/** The plain shape of a type stays: nearly all jobs are of one. */
function forgetUnused(db: Database, statements: Statements, used: ReadonlySet<number>): void {
  const all = statements.shapes.all({});
  const unused = all.filter(({ id, requires }) => requires !== "" && !used.has(id));
  if (unused.length === 0) return;
  // No job refers to them, as was just counted. Checked again for each, every job would be read each time.
  db.run("PRAGMA foreign_keys = OFF");
  try {
    db.transaction(() => unused.forEach(({ id }) => statements.deleteShape.run({ id })))();
  } finally {
    db.run("PRAGMA foreign_keys = ON");
  }
}
