import { expect, test } from "bun:test";
import type { ChangeName, StoredEvent } from "../../../src/domain/event.ts";
import type { Status } from "../../../src/domain/job.ts";
import { toWireHistory } from "../../../src/server/wire-history.ts";

/** Events as `change status attempt`, one second apart. */
function events(...lines: readonly string[]): readonly StoredEvent[] {
  return lines.map((line, i) => {
    const [change, status, attempt = ""] = line.split(" ") as [ChangeName, Status, string?];
    return {
      seq: i + 1,
      job: 7,
      id: "id",
      key: "k",
      type: "",
      group: null,
      at: i * 1000,
      change,
      status,
      attempt: attempt === "" ? null : Number(attempt),
      worker: attempt === "" ? null : { id: `w${attempt}`, name: "worker" },
      reason: null,
      info: null,
    };
  });
}

function outcomes(...lines: readonly string[]) {
  const { attempts } = toWireHistory({ events: events(...lines), logs: [] });
  return attempts.map(({ attempt, outcome }) => `${attempt} ${outcome ?? "open"}`);
}

test("toWireHistory() reads each attempt's outcome off the events", () => {
  expect(outcomes("submitted pending")).toEqual([]);
  expect(outcomes("submitted pending", "claimed running 1")).toEqual(["1 open"]);
  expect(
    outcomes("claimed running 1", "failed pending 1", "claimed running 2", "completed done 2"),
  ).toEqual(["1 failed", "2 completed"]);
});

test("toWireHistory() calls an attempt superseded that another one or a person ended", () => {
  expect(
    outcomes("claimed running 1", "lost pending 1", "claimed running 2", "completed done 1"),
  ).toEqual(["1 completed", "2 superseded"]);
  expect(outcomes("claimed running 1", "cancelled cancelled")).toEqual(["1 superseded"]);
});

test("toWireHistory() gives attempts their times, worker and logs", () => {
  const { attempts } = toWireHistory({
    events: events("submitted pending", "claimed running 1", "failed failed 1"),
    logs: [{ attempt: 1, text: "why" }],
  });
  expect(attempts).toEqual([
    {
      attempt: 1,
      worker: { id: "w1", name: "worker" },
      started: "1970-01-01T00:00:01.000Z",
      ended: "1970-01-01T00:00:02.000Z",
      outcome: "failed",
      info: null,
      logs: "why",
    },
  ]);
});

test("toWireHistory() shows an attempt open again that was given up too early, with all that it said", () => {
  const lost = ["claimed running 1", "lost pending 1", "reopened running 1"];
  expect(outcomes(...lost)).toEqual(["1 open"]);
  expect(outcomes(...lost, "completed done 1")).toEqual(["1 completed"]);
  const said = {
    events: events(...lost),
    logs: [
      { attempt: 1, text: "a" },
      { attempt: 1, text: "b" },
    ],
  };
  expect(toWireHistory(said).attempts).toMatchObject([
    { started: "1970-01-01T00:00:00.000Z", ended: null, info: null, logs: "ab" },
  ]);
});
