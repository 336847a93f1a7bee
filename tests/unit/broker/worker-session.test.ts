import { expect, test } from "bun:test";
import { closeReasonBytesMax, claimsPerRoundMax } from "../../../src/domain/limits.ts";
import {
  freshWorkerSession,
  mayBeGiven,
  stepWorkerSession,
} from "../../../src/broker/worker-session.ts";
import {
  aWorkerSession,
  expectWorkerConversation,
  workerInputs,
  workerPhases,
} from "../../support/worker-conversations.ts";

/** What never comes in a phase, because the connection does not put it there. */
const impossible = [
  ...["fresh", "welcomed", "ready"].map((phase) => `${phase} welcomed`),
  ...["fresh", "welcomed", "ready"].map((phase) => `${phase} denied`),
  ...["fresh", "welcomed", "ready"].map((phase) => `${phase} refused`),
  ...["fresh", "greeting", "welcomed"].map((phase) => `${phase} given`),
  ...["fresh", "greeting", "welcomed"].map((phase) => `${phase} over`),
  ...["fresh", "greeting", "welcomed"].map((phase) => `${phase} result-known`),
  ...["fresh", "ready"].map((phase) => `${phase} looked`),
  ...["fresh", "greeting"].map((phase) => `${phase} kicked`),
  "fresh replaced",
];

test("stepWorkerSession() answers every message and event in every phase", () => {
  const tried = expectWorkerConversation(`
    fresh  hello         greeting looks=1  greet
    fresh  holding       closed            close 4400, detached
    fresh  ready         closed            close 4400, detached
    fresh  ready-0       closed            close 4400, detached
    fresh  beat          closed            close 4400, detached
    fresh  started       closed            close 4400, detached
    fresh  progress      closed            close 4400, detached
    fresh  log           closed            close 4400, detached
    fresh  result        closed            close 4400, detached
    fresh  flawed        closed            close 4400, detached
    fresh  fail          closed            close 4400, detached
    fresh  release       closed            close 4400, detached
    fresh  ended         closed            close 4400, detached
    fresh  bye           closed            close 4400, detached
    fresh  dance         closed            close 4400, detached
    fresh  malformed     closed            close 4400, detached
    fresh  sign-of-life  fresh             nothing
    fresh  silent        fresh silent=1    nothing
    fresh  behind        fresh behind=1    nothing
    fresh  caught-up     fresh             nothing
    fresh  late          closed            close 4408, detached
    fresh  stopping      fresh             say bye
    fresh  closed        closed            detached

    greeting  hello         closed            close 4400, detached
    greeting  holding       greeting looks=2  look
    greeting  ready         closed            close 4400, detached
    greeting  ready-0       closed            close 4400, detached
    greeting  beat          closed            close 4400, detached
    greeting  started       closed            close 4400, detached
    greeting  progress      closed            close 4400, detached
    greeting  log           closed            close 4400, detached
    greeting  result        closed            close 4400, detached
    greeting  flawed        closed            close 4400, detached
    greeting  fail          closed            close 4400, detached
    greeting  release       closed            close 4400, detached
    greeting  ended         closed            close 4400, detached
    greeting  bye           closed            close 4400, detached
    greeting  dance         greeting          refused unknown-op
    greeting  malformed     closed            close 4400, detached
    greeting  welcomed      welcomed looks=0 held=1   nothing
    greeting looks=2  welcomed  welcomed looks=1 held=1   nothing
    greeting  denied        closed            close 4410, detached
    greeting  refused       closed            refused no-such-type, close 4403, detached
    greeting looks=2  looked  greeting looks=1 held=1  nothing
    greeting  sign-of-life  greeting          nothing
    greeting  silent        greeting          nothing
    greeting  behind        greeting          nothing
    greeting  caught-up     greeting          nothing
    greeting  late          greeting          nothing
    greeting  replaced      closed            say bye, close 4409, detached
    greeting  stopping      greeting          say bye
    greeting  closed        closed            detached

    welcomed  hello         closed            close 4400, detached
    welcomed  holding       welcomed looks=1  look
    welcomed  ready         ready window=4 whole=1    begin, offer 4
    welcomed  ready-0       ready window=0 whole=1    begin
    welcomed looks=1  ready  ready window=4 whole=0   nothing
    welcomed  beat          welcomed          take
    welcomed  started       welcomed          take
    welcomed  progress      welcomed          take
    welcomed  log           welcomed          take
    welcomed  result        welcomed          take
    welcomed  flawed        welcomed          refused digest-mismatch
    welcomed  fail          welcomed          take
    welcomed  release       welcomed          take
    welcomed  ended         welcomed          take
    welcomed  bye           welcomed leaving=1  nothing
    welcomed  dance         welcomed          refused unknown-op
    welcomed  malformed     closed            close 4400, detached
    welcomed looks=1  looked  welcomed looks=0 held=1  nothing
    welcomed  sign-of-life  welcomed          nothing
    welcomed  silent        welcomed          nothing
    welcomed  behind        welcomed          nothing
    welcomed  caught-up     welcomed          nothing
    welcomed  late          welcomed          nothing
    welcomed  replaced      closed            say bye, close 4409, detached
    welcomed  kicked        closed            say bye, close 4403, lost
    welcomed  stopping      welcomed          say bye
    welcomed  closed        closed            detached

    ready  hello         closed            close 4400, detached
    ready  holding       closed            close 4400, detached
    ready  ready         ready offered=3   nothing
    ready  ready-0       ready window=0    offer 0
    ready  beat          ready             take
    ready  started       ready             take
    ready  progress      ready             take
    ready  log           ready             take
    ready  result        ready held=1      take
    ready  result-known  ready held=0      take, offer 4
    ready  flawed        ready held=1      refused digest-mismatch
    ready  fail          ready             take
    ready  release       ready             take
    ready  ended         ready             take
    ready  bye           ready leaving=1   offer 0
    ready  dance         ready             refused unknown-op
    ready  malformed     closed            close 4400, detached
    ready  given         ready held=2      offer 2
    ready  over          ready held=0      offer 4
    ready  sign-of-life  ready             nothing
    ready  silent        ready silent=1    offer 0
    ready  behind        ready behind=1    offer 0
    ready  caught-up     ready             nothing
    ready  late          ready             nothing
    ready  replaced      closed            say bye, close 4409, detached
    ready  kicked        closed            say bye, close 4403, lost
    ready  stopping      ready             say bye
    ready  closed        closed            detached
    ready leaving=1  closed  closed        left
  `);
  const open = workerPhases.filter((phase) => phase !== "closed");
  const all = open.flatMap((phase) => [...workerInputs.keys()].map((input) => `${phase} ${input}`));
  expect(all.filter((pair) => !tried.includes(pair) && !impossible.includes(pair))).toEqual([]);
});

test("stepWorkerSession() does nothing once it is closed", () => {
  for (const input of workerInputs.values()) {
    const session = aWorkerSession("closed");
    expect(stepWorkerSession(session, input)).toEqual({ session, effects: [] });
  }
});

test("a worker that is silent or does not read gets nothing, until it speaks or has read", () => {
  expectWorkerConversation(`
    ready silent=1 offered=0            beat          ready silent=0  take, offer 3
    ready silent=1 offered=0            dance         ready silent=0  refused unknown-op, offer 3
    ready silent=1 offered=0            sign-of-life  ready silent=0  offer 3
    ready behind=1 offered=0            caught-up     ready behind=0  offer 3
    ready behind=1 silent=1 offered=0   caught-up     ready behind=0  nothing
    ready behind=1 silent=1 offered=0   beat          ready silent=0  take
    ready leaving=1 offered=0           ready         ready           nothing
  `);
});

test("the room is what the window leaves, however small the window becomes", () => {
  expectWorkerConversation(`
    ready held=4 offered=0   result-known  ready held=3   take, offer 1
    ready held=9 offered=0   result-known  ready held=8   take  (the window was larger before)
    ready held=0 offered=4   given         ready held=1   offer 3
    ready held=3 offered=1   given         ready held=4   offer 0
  `);
  const ready = workerInputs.get("ready");
  if (ready?.kind !== "message") throw new Error("It is a message.");
  const said = { op: "ready", window: 4_096 } as const;
  const huge = stepWorkerSession(aWorkerSession("ready"), { ...ready, said });
  expect(huge.effects).toEqual([{ do: "offer", room: claimsPerRoundMax }]);
});

test("a worker that is ready is offered nothing before all its lists are answered", () => {
  expectWorkerConversation(`
    ready looks=2 whole=0 offered=0 held=0  looked  ready looks=1 held=1 whole=0  nothing
    ready looks=1 whole=0 offered=0 held=1  looked  ready looks=0 held=2 whole=1  begin, offer 2
    ready looks=1 whole=0 offered=0 held=1  ready   ready whole=0                 nothing
  `);
});

test("mayBeGiven() holds a claim that was under way to the window as it is now", () => {
  expect(mayBeGiven(aWorkerSession("ready", { heldCount: 3 }))).toBe(true);
  expect(mayBeGiven(aWorkerSession("ready", { heldCount: 4 }))).toBe(false);
  expect(mayBeGiven(aWorkerSession("ready", { heldCount: 5 }))).toBe(false);
  expect(mayBeGiven(aWorkerSession("ready", { isLeaving: true }))).toBe(false);
  // It was claimed already: waiting for a while is better than giving it back.
  expect(mayBeGiven(aWorkerSession("ready", { isSilent: true, isBehind: true }))).toBe(true);
  expect(mayBeGiven(aWorkerSession("welcomed", { window: 4 }))).toBe(false);
  const full = aWorkerSession("ready", { heldCount: 4 });
  expect(() => stepWorkerSession(full, { kind: "given" })).toThrow(/room/);
});

test("answers name the message that they answer, and reasons of a close fit into its frame", () => {
  const dance = { kind: "unknown-op", op: "d".repeat(99), id: 7 } as const;
  const [refused] = stepWorkerSession(aWorkerSession("ready"), dance).effects;
  expect(refused).toMatchObject({ do: "say", header: { op: "refused", re: 7 } });
  expect(JSON.stringify(refused)).not.toContain("d".repeat(65));
  const [plain] = stepWorkerSession(aWorkerSession("ready"), { ...dance, id: null }).effects;
  expect(plain).not.toMatchObject({ header: { re: expect.anything() } });
  const malformed = { kind: "malformed", why: "ü".repeat(500) } as const;
  const [close] = stepWorkerSession(freshWorkerSession, malformed).effects;
  const reason = close?.do === "close" ? close.reason : "";
  expect(reason.length).toBeGreaterThan(50);
  expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(closeReasonBytesMax);
});
