import { expect, test } from "bun:test";
import { createTail } from "../../../src/agent/warm/tail.ts";

test("text() is the end of all that was added, within the bound", () => {
  const tail = createTail(10);
  let whole = "";
  for (const piece of ["a", "bcd", "", "efghijklmnopqrstuvwxyz", "0", "12", "3456"]) {
    tail.add(new TextEncoder().encode(piece));
    whole += piece;
    expect(tail.text()).toBe(whole.slice(-10));
  }
});
