import { expect, test } from "bun:test";
import { createDiskWatch, type Reserve } from "../../../src/broker/disk-level.ts";
import { GridError } from "../../../src/domain/errors.ts";
import { reserveBytes } from "../../../src/domain/limits.ts";
import type { Log } from "../../../src/platform/log.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const MiB = 1024 * 1024;

function aDisk(given: { readonly lowBytes?: number; readonly lowPercent?: number } = {}) {
  const clock = createVirtualClock();
  const space = { freeBytes: 900 * MiB, sizeBytes: 1_000 * MiB };
  const events: string[] = [];
  const note = (event: string) => void events.push(event);
  const log: Log = { info: note, warn: note, error: note };
  let reserveState: ReturnType<Reserve["state"]> = "missing";
  let lookCount = 0;
  let isBroken = false;
  const watch = createDiskWatch({
    clock,
    log,
    look: async () => {
      lookCount += 1;
      return { ...space };
    },
    reserve: {
      state: () => reserveState,
      make: async () => {
        if (isBroken) throw new Error("no");
        reserveState = "kept";
      },
    },
    lowBytes: 0,
    lowPercent: 0,
    ...given,
  });
  return {
    watch,
    clock,
    events,
    lookCount: () => lookCount,
    reserve: () => reserveState,
    giveUp: () => (reserveState = "given-up"),
    breakReserve: () => (isBroken = true),
    async levelAt(freeBytes: number) {
      space.freeBytes = freeBytes;
      clock.advance(1_000);
      return (await watch.state()).level;
    },
  };
}

test("state() is low below the greater of the two marks", async () => {
  const byBytes = aDisk({ lowBytes: 100 * MiB, lowPercent: 5 });
  expect(await byBytes.levelAt(100 * MiB)).toBe("normal");
  expect(await byBytes.levelAt(100 * MiB - 1)).toBe("low");
  const byPercent = aDisk({ lowBytes: 10 * MiB, lowPercent: 5 });
  expect(await byPercent.levelAt(50 * MiB)).toBe("normal");
  expect(await byPercent.levelAt(50 * MiB - 1)).toBe("low");
});

test("state() is never low when both marks are 0", async () => {
  expect(await aDisk().levelAt(0)).toBe("normal");
});

test("state() recovers by itself, a little above the mark, and tells each change once", async () => {
  const disk = aDisk({ lowBytes: 100 * MiB });
  expect(await disk.levelAt(90 * MiB)).toBe("low");
  expect(await disk.levelAt(89 * MiB)).toBe("low");
  expect(await disk.levelAt(101 * MiB)).toBe("low");
  expect(await disk.levelAt(105 * MiB)).toBe("normal");
  expect(await disk.levelAt(101 * MiB)).toBe("normal");
  expect(disk.events).toEqual(["disk.low", "disk.normal"]);
});

test("state() looks at most once a second, however many ask", async () => {
  const { watch, clock, lookCount } = aDisk();
  await Promise.all(Array.from({ length: 10 }, () => watch.state()));
  await watch.state();
  expect(lookCount()).toBe(1);
  clock.advance(999);
  await watch.state();
  expect(lookCount()).toBe(1);
  clock.advance(1);
  await watch.state();
  expect(lookCount()).toBe(2);
});

test("requireRoom() refuses with disk-low and the room that is left", async () => {
  const disk = aDisk({ lowBytes: 100 * MiB });
  await disk.watch.requireRoom();
  await disk.levelAt(1 * MiB);
  const error = await disk.watch.requireRoom().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GridError);
  expect(error).toMatchObject({ code: "disk-low", info: { free_bytes: MiB } });
});

test("state() has the reserve made when there is room, and not before", async () => {
  const disk = aDisk({ lowBytes: 100 * MiB });
  await disk.levelAt(100 * MiB + reserveBytes - 1);
  expect(disk.reserve()).toBe("missing");
  await disk.levelAt(100 * MiB + reserveBytes);
  expect(disk.reserve()).toBe("kept");
});

test("state() is low once the reserve was given up, until there is room for it again", async () => {
  const disk = aDisk();
  expect(await disk.levelAt(0)).toBe("normal");
  disk.giveUp();
  expect(await disk.levelAt(reserveBytes)).toBe("low");
  expect(await disk.levelAt(2 * reserveBytes)).toBe("normal");
  expect(disk.reserve()).toBe("kept");
});

test("state() answers when the reserve cannot be made", async () => {
  const disk = aDisk();
  disk.breakReserve();
  expect(await disk.levelAt(900 * MiB)).toBe("normal");
  expect(disk.events).toEqual(["disk.reserve_not_made"]);
});
