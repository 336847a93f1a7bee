import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { GridError } from "../../../src/domain/errors.ts";
import {
  frameBytesMax,
  frameHeaderBytesMax,
  frameMessageCountMax,
} from "../../../src/domain/limits.ts";
import {
  createMessageDecoder,
  decodeFrame,
  encodeMessage,
  type Decoded,
  type Message,
} from "../../../src/protocol/frame.ts";

const bodyBytesMax = 1000;

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** What a stream of these pieces says, and whether it ends between two messages. */
function decode(pieces: readonly Uint8Array[]) {
  const decoder = createMessageDecoder({ bodyBytesMax });
  const found: Decoded[] = [];
  for (const piece of pieces) found.push(...decoder.push(piece));
  return { found, isBetween: decoder.isBetween() };
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const size of sizes) {
    pieces.push(bytes.slice(start, start + size));
    start += size;
  }
  return [...pieces, bytes.slice(start)];
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof GridError ? error.code : String(error);
  }
  return "nothing thrown";
}

function prefix(headerBytes: number, bodyBytes: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, headerBytes);
  new DataView(bytes.buffer).setUint32(4, bodyBytes);
  return bytes;
}

const submit = { op: "submit", key: "a" };

describe("encodeMessage()", () => {
  test("encodeMessage() writes two lengths in big-endian, the header, the body", () => {
    expect(Buffer.from(encodeMessage({ op: "x" }, Uint8Array.of(1, 2))).toString("hex")).toBe(
      "0000000a00000002" + Buffer.from('{"op":"x"}').toString("hex") + "0102",
    );
  });

  test("encodeMessage() writes no body as one of length 0", () => {
    expect(decodeFrame(encodeMessage({ op: "ready" }))[0]?.body.length).toBe(0);
  });
});

describe("createMessageDecoder()", () => {
  const messages = fc.array(
    fc.record({
      header: fc
        .dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
        .map((fields) => ({ ...fields, op: "x" })),
      body: fc.uint8Array({ maxLength: 300 }),
    }),
    { maxLength: 12 },
  );

  test("push() gives back what was encoded, however the bytes are cut", () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(60), { maxLength: 200 }), (given, sizes) => {
        const whole = join(
          given.map(({ header, body }) => encodeMessage(header as Message["header"], body)),
        );
        const { found, isBetween } = decode(cut(whole, sizes));
        expect(isBetween).toBe(true);
        expect(found.length).toBe(given.length);
        for (const [index, decoded] of found.entries()) {
          if (decoded.kind === "refused") throw decoded.error;
          expect(JSON.stringify(decoded.header)).toBe(JSON.stringify(given[index]?.header));
          expect(Buffer.from(decoded.body).equals(Buffer.from(given[index]!.body))).toBe(true);
        }
      }),
    );
  });

  test("isBetween() tells every stream that was cut within a message", () => {
    const whole = encodeMessage(submit, new Uint8Array(20));
    for (let size = 1; size < whole.length; size += 1) {
      expect(decode([whole.slice(0, size)])).toEqual({ found: [], isBetween: false });
    }
    expect(decode([whole]).isBetween).toBe(true);
  });

  test("push() leaves a body that is too large out, without gathering it, and reads on", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 30 }), (sizes) => {
        const large = encodeMessage(submit, new Uint8Array(bodyBytesMax + 1));
        const small = encodeMessage(submit, new Uint8Array(bodyBytesMax));
        const { found, isBetween } = decode(cut(join([small, large, small]), sizes));
        expect(found.map(({ kind }) => kind)).toEqual(["message", "refused", "message"]);
        expect(found[1]).toMatchObject({ error: { code: "payload-too-large" } });
        expect(isBetween).toBe(true);
      }),
    );
  });

  test("push() refuses one message whose header cannot be read, and reads the next", () => {
    for (const text of ["{", "[1]", '"op"', "{}", '{"op":1}', "\xff"]) {
      const header = Buffer.from(text, "latin1");
      const bad = join([prefix(header.length, 2), header, Uint8Array.of(1, 2)]);
      const { found } = decode([join([bad, encodeMessage(submit)])]);
      expect(found).toMatchObject([
        { kind: "refused", error: { code: "malformed" } },
        { kind: "message", header: submit },
      ]);
    }
  });

  test("push() throws where a header has no length or too much, after what came before", () => {
    for (const length of [0, frameHeaderBytesMax + 1, 0xffffffff]) {
      const decoder = createMessageDecoder({ bodyBytesMax });
      const found = decoder.push(join([encodeMessage(submit), prefix(length, 0)]));
      expect(found.next().value).toMatchObject({ kind: "message" });
      expect(codeOf(() => found.next())).toBe("malformed");
    }
  });

  test("push() takes a header of the largest size", () => {
    const text = "x".repeat(frameHeaderBytesMax - '{"op":"x","t":""}'.length);
    expect(decode([encodeMessage({ op: "x", t: text })]).found).toMatchObject([
      { kind: "message" },
    ]);
  });

  test("push() never changes the bodies that it handed out before", () => {
    const decoder = createMessageDecoder({ bodyBytesMax });
    const first = encodeMessage(submit, Uint8Array.of(1, 2, 3));
    const second = encodeMessage(submit, Uint8Array.of(9, 9, 9));
    const [one] = [...decoder.push(join([first, second.slice(0, 5)]))];
    const [two] = [...decoder.push(second.slice(5))];
    expect(one).toMatchObject({ body: Uint8Array.of(1, 2, 3) });
    expect(two).toMatchObject({ body: Uint8Array.of(9, 9, 9) });
  });

  test("push() takes time that grows with the bytes alone, one at a time", () => {
    const decoder = createMessageDecoder({ bodyBytesMax: 1024 * 1024 });
    const whole = encodeMessage(submit, new Uint8Array(1024 * 1024));
    let count = 0;
    const startedAt = performance.now();
    for (let at = 0; at < whole.length; at += 1) {
      for (const _ of decoder.push(whole.subarray(at, at + 1))) count += 1;
    }
    expect(count).toBe(1);
    expect(performance.now() - startedAt).toBeLessThan(4_000); // Copying each time would take minutes.
  });
});

describe("decodeFrame()", () => {
  test("decodeFrame() gives the messages of a frame in their order", () => {
    const frame = join([encodeMessage({ op: "a" }), encodeMessage({ op: "b" }, Uint8Array.of(7))]);
    expect(decodeFrame(frame).map(({ header, body }) => [header.op, body.length])).toEqual([
      ["a", 0],
      ["b", 1],
    ]);
  });

  test("decodeFrame() refuses an empty frame, trailing bytes and a cut one", () => {
    const whole = encodeMessage({ op: "a" }, Uint8Array.of(1));
    for (const frame of [new Uint8Array(0), join([whole, Uint8Array.of(0)]), whole.slice(0, -1)]) {
      expect(codeOf(() => decodeFrame(frame))).toBe("malformed");
    }
  });

  test("decodeFrame() refuses more messages or bytes than a frame has", () => {
    const many = Array.from({ length: frameMessageCountMax }, () => encodeMessage({ op: "a" }));
    expect(decodeFrame(join(many)).length).toBe(frameMessageCountMax);
    expect(codeOf(() => decodeFrame(join([...many, encodeMessage({ op: "a" })])))).toBe(
      "malformed",
    );
    const large = encodeMessage({ op: "a" }, new Uint8Array(frameBytesMax));
    expect(codeOf(() => decodeFrame(large))).toBe("malformed");
  });

  test("decodeFrame() refuses a frame with one header that cannot be read", () => {
    const bad = join([prefix(2, 0), Buffer.from("[]")]);
    expect(codeOf(() => decodeFrame(join([encodeMessage({ op: "a" }), bad])))).toBe("malformed");
  });
});
