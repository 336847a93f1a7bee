import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseInstant, toWireInstant } from "../../../src/server/instants.ts";

const instants = fc.integer({ min: 0, max: 253_402_300_799_999 });

test("toWireInstant() writes what every other reader of ISO 8601 reads", () => {
  fc.assert(
    fc.property(instants, (at) => {
      expect(toWireInstant(at)).toBe(new Date(at).toISOString());
      expect(parseInstant(toWireInstant(at))).toBe(at);
    }),
  );
});

test("parseInstant() reads offsets, and refuses what leaves the instant open", () => {
  expect(parseInstant("2026-01-31T13:00:00+01:00")).toBe(Date.UTC(2026, 0, 31, 12));
  expect(parseInstant("2026-01-31T12:00Z")).toBe(Date.UTC(2026, 0, 31, 12));
  const open = ["2026-01-31", "2026-01-31T12:00:00", "12:00Z", "", "now", "0", "1e12"];
  const outside = ["1969-12-31T23:59:59Z", "+010000-01-01T00:00:00Z", "2026-13-01T00:00:00Z"];
  for (const text of [...open, ...outside, `2026-01-31T12:00:00${"0".repeat(99)}Z`]) {
    expect(parseInstant(text)).toBeNull();
  }
});
