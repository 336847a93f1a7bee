import { describe, expect, test } from "bun:test";
import { GridError } from "../../../src/domain/errors.ts";
import { decodeFrame, encodeMessage } from "../../../src/protocol/frame.ts";
import { createServerPlayer } from "../../support/play-server.ts";
import { playTranscript } from "../../support/play-worker.ts";
import { createValues } from "../../support/placeholders.ts";
import type { FrameVector } from "../../support/transcript-lines.ts";
import {
  frameOf,
  parseTranscript,
  readFrameVectors,
  readTranscript,
  transcriptNames,
  transcriptProblems,
} from "../../support/vectors.ts";

describe("conversations", () => {
  test("every message of every conversation fits the schemas, and its bytes their hash", () => {
    const names = transcriptNames();
    expect(names.length).toBeGreaterThan(20);
    expect(
      names.flatMap((name) =>
        transcriptProblems(readTranscript(name)).map((problem) => `${name}: ${problem}`),
      ),
    ).toEqual([]);
  });

  test("transcriptProblems() finds wrong fields, ops, hashes, sizes and sockets", () => {
    const problemsOf = (...lines: readonly unknown[]) =>
      transcriptProblems(
        parseTranscript([connect, ...lines].map((line) => JSON.stringify(line)).join("\n")),
      );
    const job = { op: "job", job: "<job:1>", attempt: 1, token: "<token:1>", key: "a", type: "" };
    const [sha256, wrong] = [createSha256("abc"), createSha256("abd")];
    const whole = { ...job, priority: "batch", size: 3, sha256 };
    const from = "server";
    expect(problemsOf({ from, header: whole, body_text: "abc" })).toEqual([]);
    const mistakes = [
      { from, header: { ...whole, size: 4 }, body_text: "abc" },
      { from, header: { ...whole, sha256: wrong }, body_text: "abc" },
      { from, header: { ...whole, attempt: 0 }, body_text: "abc" },
      { from, header: { ...whole, url: "work" }, body_text: "abc" },
      { from: "worker", header: whole, body_text: "abc" },
      { from, header: { op: "welcom" } },
      { from: "worker", header: { op: "ready" } },
      { from: "worker", socket: 2, header: { op: "ready", window: 1 } },
      { from: "worker", header: { op: "holding" }, body_lines: [{ job: "1" }] },
      { event: "close", socket: 2, by: "worker", code: 1000 },
    ];
    for (const mistake of mistakes) {
      expect(problemsOf(mistake), JSON.stringify(mistake)).toHaveLength(1);
    }
    expect(() => problemsOf({ event: "conect" })).toThrow("no shape that is known");
  });
});

describe("frames", () => {
  test("every frame is decoded and encoded as it says, or refused", () => {
    const vectors = readFrameVectors();
    expect(vectors.length).toBeGreaterThan(20);
    expect(vectors.flatMap(frameProblems)).toEqual([]);
  });

  test("a wrong vector is found", () => {
    const [good] = readFrameVectors();
    if (good === undefined || !("messages" in good)) throw new Error("The first one is good.");
    const { messages: _, only: __, ...rest } = good;
    expect(frameProblems({ ...rest, close: 4400 })).toHaveLength(1);
    const [message] = good.messages;
    expect(frameProblems({ ...good, messages: [] })).toHaveLength(1);
    expect(frameProblems({ ...good, frame_hex: `${good.frame_hex}00` })).toHaveLength(1);
    expect(
      frameProblems({ ...good, messages: [{ header: message!.header, body_hex: "00" }] }),
    ).toHaveLength(1);
  });

  test("the example of the page is one of them", async () => {
    const page = await Bun.file(`${import.meta.dir}/../../../docs/protocol.md`).text();
    const [, block = ""] = /A frame of 106 bytes[^`]*```\n([^`]*)```/.exec(page) ?? [];
    const digits = block
      .split("\n")
      .map((line) => (/^(?:[0-9a-f]{2} ? ?)+/.exec(line)?.[0] ?? "").replaceAll(" ", ""))
      .join("");
    expect(readFrameVectors().map(({ frame_hex: hex }) => hex)).toContain(digits);
    expect(digits).toHaveLength(2 * 106);
  });
});

function frameProblems(vector: FrameVector): readonly string[] {
  const frame = frameOf(vector);
  const complain = (what: string) => [`${vector.note} ${what}`];
  try {
    const decoded = decodeFrame(frame).map(({ header, body }) => ({ header, body_hex: hex(body) }));
    if (!("messages" in vector)) return complain("It is taken.");
    const wanted = Array.from({ length: vector.repeat }, () => vector.messages).flat();
    if (!Bun.deepEquals(decoded, wanted)) return complain("It holds other messages.");
    if (vector.only === "decode") return [];
    const encoded = wanted.map(({ header, body_hex: body }) =>
      encodeMessage(header, Uint8Array.fromHex(body)),
    );
    return hex(Buffer.concat(encoded)) === hex(frame) ? [] : complain("It is encoded otherwise.");
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    return "close" in vector ? [] : complain(`It is refused: ${error.message}`);
  }
}

const hex = (bytes: Uint8Array) => new Uint8Array(bytes).toHex();
const createSha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");
const connect = {
  event: "connect",
  offers: ["gridlike.v2"],
  token: "right",
  status: 101,
  protocol: "gridlike.v2",
};

describe("players", () => {
  // What only a server that is no v2 server does, and what needs two ends that say wrong things.
  const unplayable = ["missing-subprotocol"];

  for (const name of transcriptNames().filter((one) => !unplayable.includes(one))) {
    test(`playTranscript() and playServer() go through ${name} with each other`, async () => {
      await using server = createServerPlayer({ token: "secret" });
      const lines = readTranscript(name);
      await Promise.all([
        server.play(lines, undefined, [1, 2]),
        playTranscript(lines, server.url, "secret"),
      ]);
    });
  }

  const heldTo = async (served: readonly unknown[], played: readonly unknown[]) => {
    await using server = createServerPlayer({ token: "secret" });
    const serving = server.play(parse(served)).catch((error: unknown) => error);
    const playing = playTranscript(parse(played), server.url, "secret");
    const [said] = await Promise.allSettled([playing]);
    await server[Symbol.asyncDispose]();
    await serving;
    return said.status === "rejected" ? String(said.reason) : "went through";
  };
  const parse = (lines: readonly unknown[]) =>
    parseTranscript([connect, ...lines].map((line) => JSON.stringify(line)).join("\n"));
  const drain = { from: "server", header: { op: "drain", deadline_ms: 5, more: true } };
  const closing = { event: "close", by: "server", code: 4400 };

  test("playTranscript() allows fields that are not expected, and nothing else that is not", async () => {
    const wanted = (header: unknown, more = {}) => [{ from: "server", header, ...more }, closing];
    const served = [drain, closing];
    expect(await heldTo(served, wanted({ op: "drain" }))).toBe("went through");
    expect(await heldTo(served, wanted({ op: "drain", deadline_ms: 6 }))).toContain("is 5, not 6");
    expect(await heldTo(served, wanted({ op: "drain", why: "x" }))).toContain("why is undefined");
    expect(await heldTo(served, wanted({ op: "undrain" }))).toContain('not "undrain"');
    expect(await heldTo(served, wanted({ op: "drain" }, { body_text: "x" }))).toContain("bytes");
    expect(await heldTo(served, [closing])).toContain("instead of the close");
    expect(await heldTo([closing], wanted({ op: "drain" }))).toContain("closed with 4400");
    const other = { ...closing, code: 4401 };
    expect(await heldTo([other], [closing])).toContain("4401, not 4400");
  });

  test("playServer() finds a worker that says something else", async () => {
    const lines = readTranscript("first-job");
    const other = (change: (line: string) => string) =>
      parseTranscript(lines.map((line) => change(JSON.stringify(line))).join("\n"));
    const served = async (played: typeof lines) => {
      await using server = createServerPlayer({ token: "secret" });
      const playing = playTranscript(played, server.url, "secret").catch(() => {});
      const said = await server.play(lines).then(
        () => "went through",
        (error: unknown) => String(error),
      );
      await server[Symbol.asyncDispose]();
      await playing;
      return said;
    };
    expect(await served(lines)).toBe("went through");
    expect(await served(other((line) => line.replace("ALPHA", "alphA")))).toContain("bytes");
    expect(await served(other((line) => line.replace('"slots":1', '"slots":2')))).toContain(
      "not 1",
    );
    expect(await served(other((line) => line.replace('"code":1000', '"code":1001')))).toContain(
      "1001, not 1000",
    );
    const token = "<token:1>";
    expect(
      await served(other((line) => line.replace(`"result","job":"<job:1>"`, `"result","job":"9"`))),
    ).toContain("job is");
    expect(
      await served(other((line) => (line.includes('"result"') ? line.replace(token, "x") : line))),
    ).toContain("token is");
  });

  test("placeholders are bound to what is heard first, and held to it", () => {
    const values = createValues();
    expect(values.mismatch({ job: "<job:1>", n: [1] }, { job: "x", n: [2] })).toContain("not 1");
    expect(values.mismatch({ job: "<job:1>" }, { job: "y", more: 1 })).toBeNull();
    expect(values.mismatch({ job: "<job:1>" }, { job: "x" })).toContain('not "y"');
    expect(values.filled({ a: ["<job:1>"] })).toEqual({ a: ["y"] });
    expect(values.fillText("work/<job:1>/1/result")).toBe("work/y/1/result");
    expect(values.filled("<token:1>")).toMatch(/^[0-9a-f]{64}$/);
    expect(values.filled("<token:1>")).toBe(values.filled("<token:1>"));
  });
});
