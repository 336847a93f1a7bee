// Reads a tar file as a stream, entry by entry: names and sizes as ustar and pax have them. A file that was cut
// ends without its closing blocks, which is told apart from a whole one.

import { GridError } from "../domain/errors.ts";

export type TarItem = {
  readonly name: string;
  readonly size: number;
  /** Its bytes, to be read to their end before the next entry. */
  readonly bytes: AsyncGenerator<Uint8Array>;
};

const blockBytes = 512;
/** Extra headers hold a name and a number. */
const paxBytesMax = 64 * 1024;

/** The entries in order. Throws `malformed` for what is no tar file, or is cut. */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarItem> {
  const input = createInput(source);
  let larger: number | null = null;
  try {
    for (;;) {
      const block = await input.take(blockBytes);
      if (isBlank(block)) return await input.requireBlankRest();
      const { name, size, kind } = parseHeader(block);
      if (kind === "x") {
        if (size > paxBytesMax) throw malformed("an extra header is too long");
        larger = sizeRecord(await input.take(size + paddingOf(size)));
        continue;
      }
      if (kind !== "0") throw malformed(`${name} is no plain file`);
      const actual = larger ?? size;
      larger = null;
      const body = createBody(input, actual);
      yield { name, size: actual, bytes: body.bytes() };
      if (body.left() > 0) throw malformed(`${name} was not read to its end`);
      await input.take(paddingOf(actual));
    }
  } finally {
    await input.close();
  }
}

type Input = ReturnType<typeof createInput>;

function createBody(input: Input, size: number) {
  let left = size;
  return {
    left: () => left,
    async *bytes() {
      while (left > 0) {
        const piece = await input.some(left);
        left -= piece.length;
        yield piece;
      }
    },
  };
}

function createInput(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();

  /** Between one byte and `max`; never none. */
  const some = async (max: number): Promise<Uint8Array> => {
    while (rest.length === 0) {
      const next = await iterator.next();
      if (next.done === true) throw malformed("it ends too early: it was cut off");
      rest = next.value;
    }
    const piece = rest.subarray(0, max);
    rest = rest.subarray(piece.length);
    return piece;
  };
  const take = async (count: number): Promise<Uint8Array> => {
    const whole = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const piece = await some(count - filled);
      whole.set(piece, filled);
      filled += piece.length;
    }
    return whole;
  };
  const requireBlankRest = async () => {
    for (;;) {
      if (!isBlank(rest)) throw malformed("something stands behind its end");
      const next = await iterator.next();
      if (next.done === true) return;
      rest = next.value;
    }
  };
  return { some, take, requireBlankRest, close: async () => void (await iterator.return?.()) };
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function parseHeader(block: Uint8Array) {
  const sum = block.reduce((total, byte) => total + byte, 0);
  const own = block.subarray(148, 156).reduce((total, byte) => total + byte, 0);
  if (octal(block, 148, 8) !== sum - own + 8 * 32) throw malformed("a header is damaged");
  const name = text(block, 0, 100);
  return { name, size: octal(block, 124, 12), kind: text(block, 156, 1) || "0" };
}

function sizeRecord(bytes: Uint8Array): number | null {
  const found = /(?:^|\n)\d+ size=(\d{1,16})\n/.exec(text(bytes, 0, bytes.length));
  return found === null ? null : Number(found[1]);
}

function octal(block: Uint8Array, at: number, length: number): number {
  const digits = text(block, at, length).trim();
  if (!/^[0-7]+$/.test(digits)) throw malformed("a header is damaged");
  return Number.parseInt(digits, 8);
}

function text(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder("latin1").decode(end < 0 ? field : field.subarray(0, end));
}

function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

function malformed(what: string): GridError {
  return new GridError("malformed", `This is no whole backup: ${what}.`);
}
