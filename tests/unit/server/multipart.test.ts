import { describe, expect, spyOn, test } from "bun:test";
import * as fc from "fast-check";
import { GridError } from "../../../src/domain/errors.ts";
import {
  multipartHeaderBytesMax,
  multipartPartCountMax,
} from "../../../src/domain/limits-server.ts";
import { boundaryOf, parseMultipart } from "../../../src/server/multipart.ts";
import type { Part } from "../../../src/server/multipart.ts";

const boundary = "----grid7MA4YWxkTrZu0gW";

type ReadPart = {
  readonly name: string;
  readonly filename: string | null;
  readonly contentType: string | null;
  readonly bytes: Uint8Array;
};

describe("boundaryOf()", () => {
  test("boundaryOf() finds the boundary as tools write it", () => {
    const written: readonly (readonly [string, string])[] = [
      ["multipart/form-data; boundary=abc", "abc"],
      ["Multipart/Form-Data;boundary=abc", "abc"],
      ['multipart/form-data; boundary="a b;c"', "a b;c"],
      ["multipart/form-data; charset=utf-8; BOUNDARY=abc ; x=y", "abc"],
      ["multipart/form-data; boundary=----=_Part_1:2.3", "----=_Part_1:2.3"],
      ['multipart/form-data; xboundary=no; note="boundary=no"; boundary=abc', "abc"],
      [`multipart/form-data; boundary=${"b".repeat(70)}`, "b".repeat(70)],
    ];
    for (const [header, expected] of written) expect(boundaryOf(header)).toBe(expected);
  });

  test("boundaryOf() refuses what has no usable boundary, and says what is wrong", () => {
    const refused: readonly (readonly [string | null, string])[] = [
      [null, '"multipart/form-data"'],
      ["application/json", '"application/json"'],
      ["multipart/mixed; boundary=abc", '"multipart/mixed"'],
      ["multipart/form-data", "no boundary"],
      ["multipart/form-data; boundary=", "no boundary"],
      ['multipart/form-data; boundary=""', "no boundary"],
      [`multipart/form-data; boundary=${"b".repeat(71)}`, "1 to 70"],
      ["multipart/form-data; boundary=é", "1 to 70"],
      ["multipart/form-data; boundary=a; boundary=b", "twice"],
      ['multipart/form-data; boundary="abc', "cannot be understood"],
    ];
    for (const [header, words] of refused) {
      const error = thrownBy(() => boundaryOf(header));
      expect(error.code).toBe("malformed");
      expect(error.message).toContain(words);
    }
  });
});

describe("parseMultipart()", () => {
  test("parseMultipart() reads what curl sends: a file and two fields", async () => {
    const parts = await readForm(
      form(
        [
          'Content-Disposition: form-data; name="payload"; filename="pose.bin"\r\nContent-Type: application/octet-stream',
          "\0\x01\r\n",
        ],
        ['Content-Disposition: form-data; name="Priority"', "immediate"],
        ['Content-Disposition: form-data; name="key"', ""],
      ),
    );
    expect(parts).toEqual([
      {
        name: "payload",
        filename: "pose.bin",
        contentType: "application/octet-stream",
        bytes: latin1("\0\x01\r\n"),
      },
      { name: "Priority", filename: null, contentType: null, bytes: latin1("immediate") },
      { name: "key", filename: null, contentType: null, bytes: latin1("") },
    ]);
  });

  test("parseMultipart() reads a form without parts", async () => {
    expect(await readForm(`--${boundary}--\r\n`)).toEqual([]);
  });

  test("parseMultipart() understands names in all the ways they are written", async () => {
    const written: readonly (readonly [string, string, string | null])[] = [
      ['form-data; name="a"', "a", null],
      ["form-data; name=a; filename=b.txt", "a", "b.txt"],
      ['FORM-DATA ;NAME = "a" ; FileName = "b"', "a", "b"],
      ['form-data; name="a\\"b"; filename="c\\\\d"', 'a"b', "c\\d"],
      ['form-data; name="a"; filename="C:\\dir\\file.txt"', "a", "C:\\dir\\file.txt"],
      ['form-data; name="a%22b%0D%0Ac%41"; filename="d%22.txt"', 'a"b\r\nc%41', 'd".txt'],
      ['form-data; name="käse"; filename="名前.bin"', "käse", "名前.bin"],
      [
        `form-data; name="a"; filename="x"; filename*=UTF-8''na%C3%AFve%20%22.txt`,
        "a",
        'naïve ".txt',
      ],
      [`form-data; name="a"; filename*=utf-8'en'b%252F`, "a", "b%2F"],
      [`form-data; name="a"; filename="x"; filename*=UTF-8''%FF`, "a", "x"],
      [`form-data; name="a"; filename="x"; filename*=iso-8859-1''%FF`, "a", "x"],
      ['form-data; name="a;b"; filename=""', "a;b", ""],
      ['form-data; filename="name=no"; name="a";', "a", "name=no"],
      ['form-data;\r\n  name="a";\r\n\tfilename="b"', "a", "b"],
      ['form-data; name=""', "", null],
    ];
    for (const [disposition, name, filename] of written) {
      const [part] = await readForm(form([`Content-Disposition: ${disposition}`, "x"]));
      expect({ disposition, name: part!.name, filename: part!.filename }).toEqual({
        disposition,
        name,
        filename,
      });
    }
  });

  test("parseMultipart() takes header lines in any order and case, and ignores those it does not need", async () => {
    const [part] = await readForm(
      form([
        'content-type:  text/plain; charset="utf-8" \r\nContent-Transfer-Encoding: base64\r\nX-A: b\r\nCONTENT-DISPOSITION:form-data; name=a',
        "eA==",
      ]),
    );
    expect(part).toEqual({
      name: "a",
      filename: null,
      contentType: 'text/plain; charset="utf-8"',
      bytes: latin1("eA=="),
    });
  });

  test("parseMultipart() passes over a preamble, an epilogue and blanks after a boundary", async () => {
    const body = `This is a form.\r\n--${boundary} \t\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--${boundary}-- \r\nThe end.\r\n`;
    expect((await readForm(body)).map((part) => part.name)).toEqual(["a"]);
  });

  test("parseMultipart() needs no line end after the last boundary", async () => {
    const body = form(['Content-Disposition: form-data; name="a"', "x"]);
    expect(await readForm(body.slice(0, -2))).toHaveLength(1);
  });

  test("parseMultipart() skips what its reader leaves of a part", async () => {
    const large = "x".repeat(100_000);
    const body = form(
      ['Content-Disposition: form-data; name="unread"', large],
      ['Content-Disposition: form-data; name="begun"', large],
      ['Content-Disposition: form-data; name="whole"', "y"],
    );
    const names: string[] = [];
    let last: Uint8Array = new Uint8Array(0);
    for await (const part of parseMultipart(chunked(latin1(body), 1000), boundary)) {
      names.push(part.name);
      if (part.name === "begun") {
        for await (const _ of part.body) break;
      }
      if (part.name === "whole") last = await readBody(part);
    }
    expect(names).toEqual(["unread", "begun", "whole"]);
    expect(last).toEqual(latin1("y"));
  });

  test("parseMultipart() lets nobody read a part after the next one was asked for", async () => {
    const body = form(
      ['Content-Disposition: form-data; name="a"', "first"],
      ['Content-Disposition: form-data; name="b"', "second"],
    );
    const parts = parseMultipart(chunked(latin1(body), 1000), boundary);
    const first = (await parts.next()).value!;
    const second = (await parts.next()).value!;
    expect(await readBody(first).catch(String)).toContain("before the next one");
    expect(await readBody(second)).toEqual(latin1("second"));
  });

  test("parseMultipart() hands on bytes before the part has ended", async () => {
    const arrived = Promise.withResolvers<void>();
    async function* slow() {
      yield latin1(`--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nearly`);
      await arrived.promise;
      yield latin1(`late\r\n--${boundary}--\r\n`);
    }
    for await (const part of parseMultipart(slow(), boundary)) {
      const chunks: string[] = [];
      for await (const chunk of part.body) {
        chunks.push(Buffer.from(chunk).toString());
        arrived.resolve();
      }
      expect(chunks).toEqual(["early", "late"]);
    }
  });

  test("parseMultipart() lets go of the stream when its reader stops, and when the form is refused", async () => {
    const body = form(['Content-Disposition: form-data; name="a"', "x".repeat(5000)]);
    const stopped = watched(latin1(body));
    for await (const part of parseMultipart(stopped.stream, boundary)) {
      expect(part.name).toBe("a");
      break;
    }
    expect(stopped.isLetGo()).toBe(true);

    const refused = watched(latin1(body.replace("form-data", "attachment")));
    expect((await errorOf(refused.stream)).message).toContain("form-data");
    expect(refused.isLetGo()).toBe(true);
  });

  test("parseMultipart() reads the stream to its end, so that the connection can serve again", async () => {
    const body = form(['Content-Disposition: form-data; name="a"', "x"]);
    const source = watched(latin1(`${body}an epilogue in a chunk of its own`));
    for await (const part of parseMultipart(source.stream, boundary)) await readBody(part);
    expect(source.isReadToEnd()).toBe(true);
  });

  test("parseMultipart() throws what the stream throws", async () => {
    const gone = new DOMException("The connection was closed.", "AbortError");
    async function* broken() {
      yield latin1(`--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nx`);
      throw gone;
    }
    expect(await readParts(broken()).catch((error: unknown) => error)).toBe(gone);
  });

  test("parseMultipart() refuses a form that is no form, and says what is wrong", async () => {
    const named = 'Content-Disposition: form-data; name="a"';
    const refused: readonly (readonly [string, string])[] = [
      ["", "ended before the first boundary"],
      ["hello", "ended before the first boundary"],
      ["x".repeat(multipartHeaderBytesMax + 1), "does not begin with the boundary"],
      [`--${boundary}`, "ended after a boundary"],
      [`--${boundary}x${form([named, "x"]).slice(boundary.length + 2)}`, 'followed by "x"'],
      [form(["Content-Type: text/plain", "x"]), "Content-Disposition"],
      [form(["", "x"]), "Content-Disposition"],
      [form(['Content-Disposition: attachment; name="a"', "x"]), "Content-Disposition"],
      [form(["Content-Disposition: form-data", "x"]), "Part 1 has no name"],
      [
        form([named, "x"], ['Content-Disposition: form-data; filename="a"', "x"]),
        "Part 2 has no name",
      ],
      [form(['Content-Disposition: form-data; name="a', "x"]), 'cannot be understood from ""a"'],
      [form(['Content-Disposition: form-data; name="a"; name="b"', "x"]), '"name" twice'],
      [form([`${named}\r\nno colon here`, "x"]), "header line without a name"],
      [form([`Content-Disposition: form-data; name="\xff"`, "x"]), "not UTF-8"],
      [form([named, "x"]).slice(0, -6 - boundary.length), "in the middle of part 1"],
      [`--${boundary}\r\n${named}\r\n`, "in the header of part 1"],
      [`${form([named, "x"])}${"e".repeat(multipartHeaderBytesMax)}`, "follow the end"],
    ];
    for (const [body, words] of refused) {
      const error = await errorOf(chunked(latin1(body), 7));
      expect(error.code).toBe("malformed");
      expect(error.message).toContain(words);
    }
  });

  test("parseMultipart() takes the largest header and refuses one byte more", async () => {
    const line = 'Content-Disposition: form-data; name="a"\r\nX-Pad: ';
    const fill = multipartHeaderBytesMax - 2 - line.length; // the line end after the boundary counts
    for (const chunkBytes of [1, 999, 100_000]) {
      const fits = form([`${line}${"x".repeat(fill)}`, "y"]);
      expect(await readParts(chunked(latin1(fits), chunkBytes))).toHaveLength(1);
      const over = form([`${line}${"x".repeat(fill + 1)}`, "y"]);
      const error = await errorOf(chunked(latin1(over), chunkBytes));
      expect(error.message).toContain(`more than ${multipartHeaderBytesMax} bytes`);
    }
  });

  test("parseMultipart() takes as many parts as allowed and refuses one more", async () => {
    const part = ['Content-Disposition: form-data; name="a"', "x"] as const;
    const most = Array.from({ length: multipartPartCountMax }, () => part);
    expect(await readForm(form(...most))).toHaveLength(multipartPartCountMax);
    const error = await errorOf(chunked(latin1(form(...most, part)), 1000));
    expect(error.message).toContain(`more than ${multipartPartCountMax} parts`);

    const body = chunked(latin1(form(...most, part)), 1000);
    const names = [];
    for await (const { name } of parseMultipart(body, boundary, { partCountMax: 17 }))
      names.push(name);
    expect(names).toHaveLength(17);
  });
});

describe("parseMultipart(), whatever arrives", () => {
  test("parseMultipart() gives back all contents, however the body is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(names, contents), { maxLength: 5 }),
        cuts,
        async (fields, sizes) => {
          const body = encode(fields);
          const parts = await readParts(cut(body, sizes));
          expect(parts.map(({ name, bytes }) => [name, bytes])).toEqual(
            fields.map(([name, bytes]) => [name, bytes]),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test("parseMultipart() refuses every body that is cut short, wherever", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(names, contents), { minLength: 1, maxLength: 3 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        cuts,
        async (fields, fraction, sizes) => {
          const whole = encode(fields);
          const complete = whole.length - 2; // the line end after the last boundary may be missing
          const error = await errorOf(cut(whole.slice(0, Math.floor(complete * fraction)), sizes));
          expect(error.code).toBe("malformed");
          expect(error.message).toContain("cut short");
        },
      ),
      { numRuns: 500 },
    );
  });

  test("parseMultipart() refuses a small form cut after each of its bytes", async () => {
    const whole = encode([
      ["a", latin1("x")],
      ["b", latin1("")],
    ]);
    for (let size = 0; size < whole.length - 2; size += 1) {
      expect((await errorOf(chunked(whole.slice(0, size), 5))).message).toContain("cut short");
    }
  });

  test("parseMultipart() reads what Bun's own FormData writes", async () => {
    // Without backslashes: browsers and Bun write one as it is, other tools write two.
    const specials = fc.constantFrom('"', "%", "\r\n", ";", "=", ":", " ", "'", "\0");
    const lines = fc
      .array(fc.oneof(fc.string({ unit: "grapheme", maxLength: 3 }), specials), { maxLength: 5 })
      .map((pieces) => pieces.join("").replaceAll("\\", "/"))
      .filter((text) => !/%(?:22|0[ad])/i.test(text));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(lines, lines, contents), { maxLength: 6 }),
        cuts,
        async (files, sizes) => {
          const data = new FormData();
          for (const [name, filename, bytes] of files) {
            data.append(name, new Blob([bytes]), filename);
          }
          const response = new Response(data);
          const sent = boundaryOf(response.headers.get("content-type"));
          const body = await response.bytes();
          const parts = await readParts(cut(body, sizes), sent);
          expect(parts.map(({ name, filename, bytes }) => [name, filename, bytes])).toEqual(files);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("parseMultipart() refuses noise with GridError and nothing else", async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(`--${boundary}`, "\r\n", "--", '; name="', '"', ":", "\\", "Content-", " "),
        fc.constant('\r\nContent-Disposition: form-data; name="a"\r\n\r\n'),
        fc.string({ unit: "grapheme" }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(pieces, cuts, async (texts, sizes) => {
        const body = new TextEncoder().encode(texts.join(""));
        const outcome = await readParts(cut(body, sizes)).catch((error: unknown) => error);
        expect(Array.isArray(outcome) || outcome instanceof GridError).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("parseMultipart() needs time that grows with a part alone, whatever it is made of", async () => {
    const nearMiss = `\r\n--${boundary.slice(0, -1)}`;
    const small = 10_000;
    for (const [unit, chunkBytes] of [
      ["\r\n--", 65_536],
      [nearMiss, 65_536],
      [nearMiss, nearMiss.length],
      [nearMiss, 1],
      ["\r", 65_536],
      ["\r", 1],
    ] as const) {
      const body = (size: number) => encode([["a", latin1(unit.repeat(size / unit.length))]]);
      const growth =
        (await stepsFor(body(small * 8), chunkBytes)) / (await stepsFor(body(small), chunkBytes));
      expect({ unit, chunkBytes, isLinear: growth < 16 }).toEqual({
        unit,
        chunkBytes,
        isLinear: true,
      });
    }
  });

  test("parseMultipart() needs time that grows with a header alone, also byte by byte", async () => {
    const body = (size: number) => encode([["x\r\n ".repeat(size / 4), latin1("y")]]);
    const growth = (await stepsFor(body(16_000), 1)) / (await stepsFor(body(2_000), 1));
    expect(growth).toBeLessThan(16); // eight times the bytes; quadratic work would be sixty-four times as much
  });
});

const names = fc
  .string({ unit: "grapheme", minLength: 1 })
  .filter((text) => !/["\\%\r\n\0]/.test(text));

/** Bytes full of what looks like the beginning of a boundary. */
const contents = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(
          fc.constantFrom("\r\n--", "\r", "\r\n", "--", "\r\r\n-"),
          fc.nat(boundary.length - 1),
        )
        .map(([start, length]) => latin1(start + boundary.slice(0, length))),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => new Uint8Array(Buffer.concat(pieces)))
  .filter((bytes) => !Buffer.from(bytes).includes(`--${boundary}`));

const cuts = fc.oneof(
  fc.constant([1]),
  fc
    .array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 20 })
    .map((sizes) => [...sizes, 1]),
);

function form(...parts: readonly (readonly [header: string, content: string])[]): string {
  const written = parts.map(
    ([header, content]) => `--${boundary}\r\n${header}\r\n\r\n${content}\r\n`,
  );
  // Headers are handed over as text in UTF-8, contents as bytes: both end up as characters below 256.
  return `${written.map(toBinary).join("")}--${boundary}--\r\n`;
}

/** Text above Latin-1 as the characters of its UTF-8 bytes; a text within it stays as it is. */
function toBinary(text: string): string {
  const isWide = /[^\0-\xff]|ä/.test(text);
  return isWide ? Buffer.from(text).toString("latin1") : text;
}

function encode(fields: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const pieces = fields.flatMap(([name, bytes]) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`),
    bytes,
    Buffer.from("\r\n"),
  ]);
  return new Uint8Array(Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]));
}

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

async function* chunked(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield bytes.slice(start, start + chunkBytes);
  }
}

/** Cuts in pieces of these sizes, over and over. */
async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let start = 0, index = 0; start < bytes.length; index += 1) {
    const size = sizes[index % sizes.length]!;
    yield bytes.slice(start, start + size);
    start += size;
  }
}

function watched(bytes: Uint8Array) {
  const state = { isLetGo: false, isReadToEnd: false };
  async function* source() {
    try {
      yield* chunked(bytes, 100);
      state.isReadToEnd = true;
    } finally {
      state.isLetGo = true;
    }
  }
  return {
    stream: source(),
    isLetGo: () => state.isLetGo,
    isReadToEnd: () => state.isReadToEnd,
  };
}

async function readBody(part: Part): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.body) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function readParts(
  stream: AsyncIterable<Uint8Array>,
  delimiter: string = boundary,
): Promise<ReadPart[]> {
  const parts: ReadPart[] = [];
  for await (const part of parseMultipart(stream, delimiter)) {
    const { name, filename, contentType } = part;
    parts.push({ name, filename, contentType, bytes: await readBody(part) });
  }
  return parts;
}

/** Read in one piece and byte by byte: both must agree. */
async function readForm(body: string): Promise<ReadPart[]> {
  const whole = await readParts(chunked(latin1(body), body.length));
  expect(await readParts(chunked(latin1(body), 1))).toEqual(whole);
  return whole;
}

async function errorOf(stream: AsyncIterable<Uint8Array>): Promise<GridError> {
  const outcome = await readParts(stream).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(GridError);
  return outcome as GridError;
}

function thrownBy(call: () => unknown): GridError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(GridError);
    return error as GridError;
  }
  throw new Error("This call was to throw.");
}

/** Bytes copied and bytes searched while a body is read, as the run time's own buffers are asked for them. */
async function stepsFor(body: Uint8Array, chunkBytes: number): Promise<number> {
  const { set } = Uint8Array.prototype;
  const { indexOf } = Buffer.prototype;
  let steps = 0;
  const copying = spyOn(Uint8Array.prototype, "set").mockImplementation(function (
    this: Uint8Array,
    source: ArrayLike<number>,
    offset?: number,
  ) {
    steps += source.length;
    set.call(this, source, offset);
  });
  const searching = spyOn(Buffer.prototype, "indexOf").mockImplementation(function (
    this: Buffer,
    wanted: string | number | Uint8Array,
    from = 0,
  ) {
    steps += this.length - from;
    return indexOf.call(this, wanted, from);
  });
  try {
    for await (const part of parseMultipart(chunked(body, chunkBytes), boundary)) {
      for await (const _ of part.body);
    }
    return steps;
  } finally {
    copying.mockRestore();
    searching.mockRestore();
  }
}
