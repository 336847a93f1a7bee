import { createMemoryPartStore } from "../../src/blobs/memory/memory-part-store.ts";
import { describePartStore } from "./part-store.ts";

describePartStore("memory", async (clock) => {
  const parts = createMemoryPartStore({ clock });
  return { parts, close: () => parts.close() };
});
