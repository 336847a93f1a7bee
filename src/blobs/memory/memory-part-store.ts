// Parts of uploads in memory, for tests: they live as long as the process.

import { assert } from "../../domain/assert.ts";
import type { Clock } from "../../platform/clock.ts";
import type { PartStore, StoredParts } from "../part-store.ts";

type Kept = { readonly parts: StoredParts; readonly bytes: Uint8Array };

export function createMemoryPartStore({ clock }: { readonly clock: Clock }): PartStore {
  const keptByName = new Map<string, Kept>();
  return {
    find: (name) => keptByName.get(name)?.parts ?? null,
    count: () => keptByName.size,
    async append(name, { size, total }) {
      const standing = keptByName.get(name);
      assert(size === 0 || size === standing?.parts.size, "parts follow one another");
      if (size === 0) keptByName.delete(name);
      const chunks = size === 0 || standing === undefined ? [] : [standing.bytes];
      return {
        write: async (chunk) => void chunks.push(chunk.slice()),
        async keep() {
          const bytes = new Uint8Array(Buffer.concat(chunks));
          const parts = { size: bytes.length, total, changedAt: clock.now() };
          keptByName.set(name, { parts, bytes });
        },
        drop: async () => {},
      };
    },
    async open(name, { start, length }) {
      const bytes = keptByName.get(name)?.bytes ?? new Uint8Array();
      assert(start + length <= bytes.length, "only what is kept is read");
      return new Blob([bytes.slice(start, start + length)]).stream();
    },
    delete: async (name) => void keptByName.delete(name),
    async sweep(before) {
      const old = [...keptByName].filter(([, { parts }]) => parts.changedAt < before);
      for (const [name] of old) keptByName.delete(name);
      return old.length;
    },
    close: async () => {},
  };
}
