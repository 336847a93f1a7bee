import { expect, test } from "bun:test";
import type { MessageHeader } from "../../../src/protocol/frame.ts";
import { parseServerMessage, parseVerdicts } from "../../../src/protocol/server-messages.ts";

const digest = "0c".repeat(32);
const job = {
  op: "job",
  job: "0199-a",
  attempt: 1,
  token: digest,
  key: "k",
  type: "",
  priority: "batch",
  size: 0,
  sha256: digest,
};
const welcome = { op: "welcome", heartbeat_ms: 10_000, frame_body_bytes_max: 65_536 };
const bytes = (text: string) => new TextEncoder().encode(text);

test("parseServerMessage() takes what a server of this or a later version says", () => {
  expect(parseServerMessage(job)).toEqual({ ...job, priority: "batch", op: "job" });
  expect(parseServerMessage({ ...job, description: null, tune: { of: "later" } })).toEqual({
    ...job,
    priority: "batch",
    op: "job",
  });
  expect(parseServerMessage(welcome)).toMatchObject({ server: "", incarnation: 0, features: [] });
  expect(parseServerMessage({ op: "sing" })).toBe("unknown-op");
  expect(parseServerMessage({ op: "constructor" })).toBe("unknown-op");
  const receipt = { op: "receipt", job: "a", attempt: 1, verdict: "praised" };
  expect(parseServerMessage(receipt)).toMatchObject({ verdict: "abandon" });
  expect(parseServerMessage({ op: "bye", why: "moon" })).toMatchObject({ retry_after_ms: 0 });
});

test("parseServerMessage() refuses fields that do not fit, names of files among them", () => {
  for (const given of [
    { ...job, job: "../../etc/passwd" },
    { ...job, job: ".." },
    { ...job, job: "" },
    { ...job, job: "a".repeat(65) },
    { ...job, attempt: 0 },
    { ...job, attempt: 1.5 },
    { ...job, token: "secret" },
    { ...job, sha256: digest.toUpperCase() },
    { ...job, size: -1 },
    { ...job, size: 2 ** 60 },
    { ...job, priority: "urgent" },
    { ...job, timeout_ms: 0 },
    { ...job, url: 7 },
    { op: "welcome" },
    { ...welcome, heartbeat_ms: 0 },
    { op: "receipt", job: "a", attempt: "1" },
    { op: "cancel", job: "a/b", attempt: 1, why: "cancelled" },
    { op: "refused" },
  ]) {
    const parse = () => parseServerMessage(given as MessageHeader);
    expect(parse, JSON.stringify(given)).toThrow("does not fit the protocol");
  }
});

test("parseVerdicts() reads a line per attempt, and leaves out verdicts of a later version", () => {
  const line = (what: string) => `{"job":"a","attempt":1,"do":"${what}"}\n`;
  expect(parseVerdicts(bytes(`${line("continue")}\n${line("ponder")}${line("cancel")}`))).toEqual([
    { job: "a", attempt: 1, do: "continue" },
    { job: "a", attempt: 1, do: "cancel" },
  ]);
  expect(parseVerdicts(bytes(""))).toEqual([]);
  for (const body of ["{", "[]", '{"job":"a"}', '{"job":"../a","attempt":1,"do":"cancel"}']) {
    expect(() => parseVerdicts(bytes(body))).toThrow("does not fit the protocol");
  }
});
