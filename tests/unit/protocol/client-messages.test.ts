import { describe, expect, test } from "bun:test";
import {
  parseClientMessage,
  parseToldMessage,
  type ClientTold,
} from "../../../src/protocol/client-messages.ts";
import type { MessageHeader } from "../../../src/protocol/frame.ts";

const read = (header: object) => parseClientMessage(header as MessageHeader);
const readTold = (header: object) => parseToldMessage(header as MessageHeader);

describe("parseClientMessage()", () => {
  test("reads a submission, and keeps its options for those who know them", () => {
    expect(read({ op: "submit", id: 1, key: "a", timeout_s: 3 })).toEqual({
      op: "submit",
      id: 1,
      type: null,
      watch: false,
      changes: true,
      with_result: false,
      progress: false,
      key: "a",
      timeout_s: 3,
    });
  });

  test("ignores fields of other messages that it does not know", () => {
    expect(read({ op: "unwatch", id: 3, why: "bored" })).toEqual({ op: "unwatch", id: 3 });
    expect(read({ op: "beat", sent: 7 })).toEqual({ op: "beat" });
  });

  test("leaves ops of other versions to its caller", () => {
    expect(read({ op: "teleport", id: 1 })).toBe("unknown-op");
    expect(read({ op: "toString" })).toBe("unknown-op");
  });

  test.each([
    [{ op: "submit" }, "id"],
    [{ op: "submit", id: -1 }, "id"],
    [{ op: "submit", id: 1.5 }, "id"],
    [{ op: "submit", id: 2 ** 53 }, "id"],
    [{ op: "submit", id: "1" }, "id"],
    [{ op: "submit", id: 1, with_result: "yes" }, "with_result"],
    [{ op: "submit", id: 1, type: 7 }, "type"],
    [{ op: "watch", id: 1 }, "one of the two"],
    [{ op: "watch", id: 1, jobs: ["a"], group: "g" }, "one of the two"],
    [{ op: "watch", id: 1, jobs: [] }, "jobs"],
    [{ op: "watch", id: 1, jobs: [""] }, "jobs"],
    [{ op: "watch", id: 1, jobs: [-1] }, "jobs"],
    [{ op: "unwatch" }, "id"],
    [{ op: "beat", id: null }, "id"],
  ])("refuses %j, and names what is wrong", (header, word) => {
    expect(() => read(header)).toThrow(word);
  });
});

test("parseClientMessage() bounds what a watch may name", () => {
  const jobs = Array.from({ length: 1_000 }, () => "a");
  expect(read({ op: "watch", id: 1, jobs })).toMatchObject({ jobs });
  expect(() => read({ op: "watch", id: 1, jobs: [...jobs, "a"] })).toThrow("jobs");
  expect(() => read({ op: "watch", id: 1, group: "g".repeat(257) })).toThrow("group");
});

describe("parseToldMessage()", () => {
  const about = { re: 1, job: "0199", key: "a", seq: 4 };

  test("fills in what is absent", () => {
    expect(readTold({ op: "settled", ...about, status: "cancelled" })).toEqual({
      op: "settled",
      ...about,
      status: "cancelled",
      attempt: 0,
      reason: null,
      info: null,
      size: null,
      sha256: null,
      content_type: null,
    });
    expect(readTold({ op: "changed", ...about, status: "running", later: 1 })).toMatchObject({
      worker: null,
      progress: null,
    });
  });

  test("refuses a welcome whose limits would stop everything", () => {
    const welcome: ClientTold = {
      op: "welcome",
      frame_body_bytes_max: 1,
      submit_count_max: 1,
      submit_bytes_max: 1,
      watch_count_max: 1,
    };
    expect(readTold(welcome)).toMatchObject({ server: "", features: [] });
    expect(() => readTold({ ...welcome, submit_count_max: 0 })).toThrow("submit_count_max");
  });

  test("leaves ops of other versions to its caller", () => {
    expect(readTold({ op: "sing" })).toBe("unknown-op");
  });
});
