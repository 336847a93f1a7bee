import { expect, test } from "bun:test";
import { createRestartPace } from "../../../src/agent/warm/restart-pace.ts";

test("ended() rests twice as long after each short life, at most ten seconds, and forgets after a steady one", () => {
  const pace = createRestartPace();
  const rests = Array.from({ length: 8 }, () => pace.ended(29_999));
  expect(rests).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  expect(pace.endsInRow()).toBe(8);
  expect(pace.ended(30_000)).toBe(200);
  expect(pace.endsInRow()).toBe(1);
});
