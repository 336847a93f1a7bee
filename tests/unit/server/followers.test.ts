import { expect, test } from "bun:test";
import { transferFloorWindowMs } from "../../../src/domain/limits-server.ts";
import { createSilentLog } from "../../../src/platform/log.ts";
import { createFloor } from "../../../src/server/floor.ts";
import { createFollowers, type Tell } from "../../../src/server/followers.ts";
import { createPatience } from "../../../src/server/patience.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

function someFollowers() {
  const clock = createVirtualClock();
  const stopping = new AbortController();
  const followers = createFollowers({
    stopping: stopping.signal,
    floor: createFloor(clock, { passed: () => {} }),
    patience: createPatience(10),
    log: createSilentLog(),
  });
  let toldCount = 0;
  let isOver = false;
  /** Tells without end, and counts what was made. */
  const tell: Tell = async function* (stop) {
    try {
      while (!stop.aborted) {
        toldCount += 1;
        yield `${toldCount} `;
      }
    } finally {
      isOver = true;
    }
  };
  const gone = new AbortController();
  const open = (told: Tell = tell) => {
    const request = new Request("http://localhost/", { signal: gone.signal });
    const { body } = followers.send(request, null, "text/plain", told);
    if (body === null) throw new Error("There is no body.");
    return body.getReader();
  };
  return { clock, stopping, gone, open, told: () => toldCount, isOver: () => isOver };
}

const settle = () => new Promise(setImmediate);

test("send() makes the next piece only when the one before was taken", async () => {
  const { open, told } = someFollowers();
  const reader = open();
  await reader.read();
  await settle();
  expect(told()).toBe(1);
  await reader.read();
  await reader.read();
  await settle();
  expect(told()).toBe(3);
  await reader.cancel();
});

test("send() gives back what was held when its reader leaves, or its connection is gone", async () => {
  for (const how of ["cancel", "gone", "unread"] as const) {
    const { open, isOver, gone, clock } = someFollowers();
    const reader = open();
    if (how !== "unread") await reader.read();
    if (how === "gone") gone.abort();
    else await reader.cancel();
    await settle();
    expect([how, isOver(), clock.timerCount()]).toEqual([how, how !== "unread", 0]);
  }
});

test("send() cuts a reader off that takes nothing for long, and no other", async () => {
  const { open, clock, isOver } = someFollowers();
  const reader = open();
  const silent = open(async function* (stop) {
    yield "said";
    await new Promise((resolve) => stop.addEventListener("abort", resolve));
  });
  await silent.read();
  const waiting = silent.read();
  await reader.read();
  clock.advance(transferFloorWindowMs);
  await settle();
  expect(isOver()).toBe(false);
  clock.advance(transferFloorWindowMs);
  await settle();
  expect(isOver()).toBe(true);
  expect(await reader.read().catch((error: unknown) => String(error))).toContain("does not read");
  expect(await Promise.race([waiting, settle().then(() => "waits")])).toBe("waits");
  await silent.cancel();
});

test("send() ends when the server stops", async () => {
  const { open, stopping } = someFollowers();
  const reader = open(async function* (stop) {
    yield "said";
    await new Promise((resolve) => stop.addEventListener("abort", resolve));
  });
  await reader.read();
  const waiting = reader.read();
  await settle();
  stopping.abort();
  expect((await waiting).done).toBe(true);
});

test("send() breaks off when its source fails", async () => {
  const { open } = someFollowers();
  // oxlint-disable-next-line require-yield
  const reader = open(async function* () {
    throw new Error("no store");
  });
  expect(await reader.read().catch((error: unknown) => String(error))).toContain("no store");
});
