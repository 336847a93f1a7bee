// What every keeper of uploads in parts promises, told once and run for each of them.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PartStore } from "../../src/blobs/part-store.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

export type OpenedPartStore = { readonly parts: PartStore; close(): Promise<void> };

/** Writes `text` behind `size` bytes of `total`. */
export async function append(
  parts: PartStore,
  name: string,
  { text, size = 0, total = 100 }: { text: string; size?: number; total?: number },
): Promise<void> {
  const writer = await parts.append(name, { size, total });
  for (const character of text) await writer.write(new TextEncoder().encode(character));
  await writer.keep();
}

export async function textOf(parts: PartStore, name: string): Promise<string> {
  const stream = await parts.open(name, { start: 0, length: parts.find(name)?.size ?? 0 });
  return new Response(stream).text();
}

export function describePartStore(
  provider: string,
  open: (clock: VirtualClock) => Promise<OpenedPartStore>,
): void {
  describe(`${provider} part store`, () => {
    let clock: VirtualClock;
    let opened: OpenedPartStore;
    let parts: PartStore;
    beforeEach(async () => {
      clock = createVirtualClock();
      opened = await open(clock);
      parts = opened.parts;
    });
    afterEach(() => opened.close());

    test("append() adds part to part, and open() reads any stretch of them", async () => {
      expect([parts.find("a.1"), parts.count()]).toEqual([null, 0]);
      await append(parts, "a.1", { text: "0123", total: 8 });
      expect(parts.find("a.1")).toEqual({ size: 4, total: 8, changedAt: clock.now() });
      clock.advance(1_000);
      await append(parts, "a.1", { text: "4567", size: 4, total: 8 });
      expect(parts.find("a.1")).toEqual({ size: 8, total: 8, changedAt: clock.now() });
      expect(await textOf(parts, "a.1")).toBe("01234567");
      const stretch = await parts.open("a.1", { start: 3, length: 2 });
      expect(await new Response(stretch).text()).toBe("34");
    });

    test("append() begins anew at 0", async () => {
      await append(parts, "a.1", { text: "0123" });
      await append(parts, "a.1", { text: "xy", total: 2 });
      expect([parts.find("a.1")?.total, await textOf(parts, "a.1")]).toEqual([2, "xy"]);
    });

    test("drop() leaves what stood before", async () => {
      await append(parts, "a.1", { text: "0123" });
      const writer = await parts.append("a.1", { size: 4, total: 100 });
      await writer.write(new TextEncoder().encode("45"));
      await writer.drop();
      expect(await textOf(parts, "a.1")).toBe("0123");
      await append(parts, "a.1", { text: "67", size: 4 });
      expect(await textOf(parts, "a.1")).toBe("012367");
      const fresh = await parts.append("b.1", { size: 0, total: 100 });
      await fresh.drop();
      expect(parts.find("b.1")).toBeNull();
    });

    test("delete() takes an upload away, and nothing is no error", async () => {
      await append(parts, "a.1", { text: "0123" });
      await append(parts, "a.2", { text: "45" });
      await parts.delete("a.1");
      await parts.delete("a.1");
      expect([parts.find("a.1"), await textOf(parts, "a.2")]).toEqual([null, "45"]);
    });

    test("sweep() takes away what has not grown since", async () => {
      await append(parts, "old.1", { text: "0" });
      await append(parts, "grown.1", { text: "0" });
      clock.advance(1_000);
      const before = clock.now();
      await append(parts, "grown.1", { text: "1", size: 1 });
      await append(parts, "new.1", { text: "0" });
      expect(await parts.sweep(before)).toBe(1);
      expect([parts.find("old.1"), parts.count()]).toEqual([null, 2]);
      expect(await textOf(parts, "grown.1")).toBe("01");
    });
  });
}
