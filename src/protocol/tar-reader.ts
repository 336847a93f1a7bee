// Reads a tar file as a stream, entry by entry: names and sizes as ustar and pax have them. A file that was cut
// ends without its closing blocks, which is told apart from a whole one.

import { GridError } from "../domain/errors.ts";

export type TarItem = {
  readonly name: string;
  readonly size: number;
  readonly isExecutable: boolean;
  /** Its bytes, to be read to their end before the next entry. */
  readonly bytes: AsyncGenerator<Uint8Array>;
};

const blockBytes = 512;
/** Extra headers hold a name and a number. */
const paxBytesMax = 64 * 1024;

/**
 * The entries in order; plain files alone, so no links and no devices. Throws `malformed` for what is no tar file,
 * or is cut, and calls it by the name that `what` gives it.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<TarItem, void, undefined> {
  const input = createInput(source);
  let extra: Extra = noExtra;
  try {
    for (;;) {
      const block = await input.take(blockBytes);
      if (isBlank(block)) return await input.requireBlankRest();
      const header = parseHeader(block);
      if (header.kind === "x") {
        if (header.size > paxBytesMax) throw malformed("an extra header is too long");
        const records = await input.take(header.size + paddingOf(header.size));
        extra = parseExtra(records.subarray(0, header.size));
        continue;
      }
      const { name = header.name, size = header.size } = extra;
      extra = noExtra;
      if (header.kind !== "0") throw malformed(`${name} is no plain file`);
      const body = createBody(input, size, what);
      yield { name, size, isExecutable: header.isExecutable, bytes: body.bytes() };
      if (body.left() > 0) throw malformed(`${name} was not read to its end`);
      await input.take(paddingOf(size));
    }
  } catch (error) {
    throw inWords(error, what);
  } finally {
    await input.close();
  }
}

type Input = ReturnType<typeof createInput>;

function createBody(input: Input, size: number, what: string) {
  let left = size;
  return {
    left: () => left,
    async *bytes() {
      while (left > 0) {
        const piece = await input.some(left).catch((error: unknown) => {
          throw inWords(error, what);
        });
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
  const isExecutable = (octal(block, 100, 8) & 0o100) !== 0;
  return { name, size: octal(block, 124, 12), isExecutable, kind: text(block, 156, 1) || "0" };
}

type Extra = { readonly name?: string; readonly size?: number };
const noExtra: Extra = {};

/** What pax records say of the next entry: `27 path=…` and a line end each, counted in bytes. */
function parseExtra(bytes: Uint8Array): Extra {
  let extra: Extra = noExtra;
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(text(bytes, at, space - at));
    const end = at + length;
    if (!(length > space - at) || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw malformed("an extra header is damaged");
    }
    const record = new TextDecoder().decode(bytes.subarray(space + 1, end - 1));
    const [, name = "", value = ""] = /^([^=]*)=([^]*)$/.exec(record) ?? [];
    if (name === "path") extra = { ...extra, name: value };
    if (name === "size" && /^\d{1,15}$/.test(value)) extra = { ...extra, size: Number(value) };
    at = end;
  }
  return extra;
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

/** Carries what is wrong to where the name of the whole is known. */
class Malformed extends Error {}

function inWords(error: unknown, what: string): unknown {
  if (!(error instanceof Malformed)) return error;
  return new GridError("malformed", `This is no whole ${what}: ${error.message}.`);
}

function malformed(what: string): Malformed {
  return new Malformed(what);
}
