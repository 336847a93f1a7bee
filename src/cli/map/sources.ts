// Where the arguments of a map come from: words, files and lines, every combination of several. The first source is
// read as it comes, so that any number of arguments takes constant memory; of the others the values are kept.

/** Values of one line or word: several where it is split into columns. */
export type ArgumentRecord = readonly string[];

export type Source = {
  /** Can be read once. */
  readonly records: AsyncIterable<ArgumentRecord> | Iterable<ArgumentRecord>;
  /** Goes along with the source before it, in place of being combined with it. */
  readonly isLinked: boolean;
};

/** Every combination, the first source changing slowest. No source at all gives nothing. */
export async function* combinations(
  sources: readonly Source[],
): AsyncGenerator<ArgumentRecord, void, undefined> {
  const [first, ...others] = linkedGroups(sources);
  if (first === undefined) return;
  const kept: ArgumentRecord[][] = [];
  for (const group of others) kept.push(await all(inStep(group)));
  for await (const record of inStep(first)) yield* extended(record, kept);
}

/** Gathers so many arguments for each job; the last one may get fewer. */
export async function* gathered(
  records: AsyncIterable<ArgumentRecord>,
  argumentCountMax: number,
): AsyncGenerator<ArgumentRecord, void, undefined> {
  let values: string[] = [];
  for await (const record of records) {
    for (const value of record) {
      values.push(value);
      if (values.length < argumentCountMax) continue;
      yield values;
      values = [];
    }
  }
  if (values.length > 0) yield values;
}

export type Splitting = {
  /** Between columns, or null for one column. */
  readonly columns: RegExp | null;
};

function recordOf(value: string, { columns }: Splitting): ArgumentRecord {
  return columns === null ? [value] : value.split(columns);
}

export async function* recordsOf(
  values: AsyncIterable<string> | Iterable<string>,
  splitting: Splitting,
): AsyncGenerator<ArgumentRecord, void, undefined> {
  for await (const value of values) yield recordOf(value, splitting);
}

function linkedGroups(sources: readonly Source[]): readonly (readonly Source[])[] {
  const groups: Source[][] = [];
  for (const source of sources) {
    const last = groups.at(-1);
    if (source.isLinked && last !== undefined) last.push(source);
    else groups.push([source]);
  }
  return groups;
}

/** One record of each side by side, until one of them ends. */
async function* inStep(group: readonly Source[]): AsyncGenerator<ArgumentRecord, void, undefined> {
  const iterators = group.map(({ records }) => iteratorOf(records));
  try {
    for (;;) {
      const values: string[] = [];
      for (const iterator of iterators) {
        const next = await iterator.next();
        if (next.done === true) return;
        values.push(...next.value);
      }
      yield values;
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}

function iteratorOf<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}

async function all(records: AsyncIterable<ArgumentRecord>): Promise<ArgumentRecord[]> {
  const kept: ArgumentRecord[] = [];
  for await (const record of records) kept.push(record);
  return kept;
}

function* extended(
  record: ArgumentRecord,
  [next, ...others]: readonly (readonly ArgumentRecord[])[],
): Generator<ArgumentRecord, void, undefined> {
  if (next === undefined) {
    yield record;
    return;
  }
  for (const more of next) yield* extended([...record, ...more], others);
}
