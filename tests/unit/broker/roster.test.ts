import { expect, test } from "bun:test";
import { createRoster, type Seat } from "../../../src/broker/roster.ts";
import { aJob, anAttempt } from "../../support/a-job.ts";

const since = { ms: 0, leaseMs: null };
const running = (seq: number, group: string | null, n = 1) =>
  aJob("running", { seq, group, n, attempt: anAttempt(n) });

test("runningCount() counts the leases of a group, and of no other", () => {
  const roster = createRoster();
  roster.hold(null, running(1, "g"), since);
  roster.hold(null, running(2, "g"), since);
  roster.hold(null, running(3, "h"), since);
  roster.hold(null, running(4, null), since);
  expect([roster.runningCount("g"), roster.runningCount("h")]).toEqual([2, 1]);
  expect(roster.runningCount("nobody's")).toBe(0);
});

test("runningCount() falls when a lease is dropped, once, and only by its own attempt", () => {
  const roster = createRoster();
  roster.hold(null, running(1, "g", 2), since);
  roster.hold(null, running(2, "g"), since);
  roster.drop(1, 1);
  expect(roster.runningCount("g")).toBe(2);
  roster.drop(1, 2);
  roster.drop(1, 2);
  expect(roster.runningCount("g")).toBe(1);
  roster.drop(2, 1);
  expect(roster.runningCount("g")).toBe(0);
});

test("runningCount() counts a job once that is held anew", () => {
  const roster = createRoster();
  roster.hold(null, running(1, "g", 1), since);
  roster.hold(null, running(1, "g", 2), since);
  expect(roster.runningCount("g")).toBe(1);
  roster.drop(1, 2);
  expect(roster.runningCount("g")).toBe(0);
});

const aSeat = (connection: string, types: readonly string[] = [""]): Seat => ({
  connection,
  worker: { id: connection, name: connection },
  types,
  slots: 1,
  offers: null,
  machine: null,
  address: "",
  connectedAt: 0,
  protocol: "v2",
  payloadBytesMax: Number.MAX_SAFE_INTEGER,
  takesBytes: () => true,
  leaseMs: null,
  life: null,
  state: () => "ready",
  vitals: () => null,
  give: () => true,
  kick() {},
  tellDraining() {},
});

test("free() has a seat under each of its types while its room is not all reserved", () => {
  const roster = createRoster();
  const seat = aSeat("a", ["cut", "paint"]);
  roster.join(seat);
  roster.offer(seat, 2);
  roster.reserve(seat);
  expect([roster.room(seat), [...roster.free().keys()]]).toEqual([1, ["cut", "paint"]]);
  roster.reserve(seat);
  expect([roster.room(seat), [...roster.free().keys()]]).toEqual([0, []]);
  roster.unreserve(seat);
  expect([roster.room(seat), [...roster.free().keys()]]).toEqual([1, ["cut", "paint"]]);
});

test("reserve() puts a seat behind the others, so that work is given in turn", () => {
  const roster = createRoster();
  const [a, b] = [aSeat("a"), aSeat("b")];
  for (const seat of [a, b]) {
    roster.join(seat);
    roster.offer(seat, 2);
  }
  roster.reserve(a);
  expect(Array.from(roster.free().get("") ?? [], ({ connection }) => connection)).toEqual([
    "b",
    "a",
  ]);
});

test("leave() forgets the room of a seat, and a claim that ends later harms nothing", () => {
  const roster = createRoster();
  const seat = aSeat("a");
  roster.join(seat);
  roster.offer(seat, 1);
  roster.reserve(seat);
  roster.leave(seat);
  roster.unreserve(seat);
  expect([roster.room(seat), roster.free().size]).toEqual([0, 0]);
});

test("isDraining() knows a worker by its id, whatever its connection, until undrain()", () => {
  const roster = createRoster();
  roster.drain("w");
  expect([
    roster.isDraining({ id: "w", name: "" }),
    roster.isDraining({ id: "v", name: "" }),
  ]).toEqual([true, false]);
  roster.undrain("w");
  expect(roster.isDraining({ id: "w", name: "" })).toBe(false);
});
