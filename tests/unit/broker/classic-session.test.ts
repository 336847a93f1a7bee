import { expect, test } from "bun:test";
import { stepClassicSession, type ClassicEffect } from "../../../src/broker/classic-session.ts";
import { closeReasonBytesMax } from "../../../src/domain/limits.ts";
import {
  aSession,
  expectConversation,
  inputsByName,
  phases,
  registration,
} from "../../support/conversations.ts";

test("stepClassicSession() answers every input in every phase", () => {
  const tried = expectConversation(`
    unregistered  register        unsure asked=1 work=none   join stable-id, ask
    unregistered  register wrong  refused                    nothing
    unregistered  busy            closed                     close 4400
    unregistered  ready           closed                     close 4400
    unregistered  progress        closed                     close 4400
    unregistered  failed          closed                     close 4400
    unregistered  malformed       closed                     close 4400
    unregistered  bytes           closed                     close 4400
    unregistered  grace-over      closed                     close 4401
    unregistered  recheck         unregistered               nothing
    unregistered  closed          closed                     nothing

    refused  register        refused  nothing  (a right token comes too late)
    refused  register wrong  refused  nothing
    refused  busy            closed   close 4400
    refused  ready           closed   close 4400
    refused  progress        closed   close 4400
    refused  failed          closed   close 4400
    refused  malformed       closed   close 4400
    refused  bytes           closed   close 4400
    refused  grace-over      closed   close 4401
    refused  recheck         refused  nothing
    refused  closed          closed   nothing

    unsure asked=1  register        closed                     close 4400
    unsure asked=1  register wrong  closed                     close 4400
    unsure asked=1  busy            unsure asked=0             nothing
    unsure asked=1  ready           ready asked=0 work=none    nothing
    unsure asked=1  progress        unsure asked=1             nothing
    unsure asked=1  failed          unsure asked=2             unexpected-failure, ask
    unsure asked=1  malformed       closed                     close 4400
    unsure asked=1  bytes           unsure asked=2             unexpected-result, ask
    unsure asked=1  grace-over      unsure asked=1             nothing
    unsure asked=1  recheck         unsure asked=2             ask
    unsure asked=1  closed          closed                     nothing

    ready  register        closed                       close 4400
    ready  register wrong  closed                       close 4400
    ready  busy            unsure                       nothing
    ready  ready           ready                        nothing
    ready  progress        ready                        nothing
    ready  failed          unsure asked=1               unexpected-failure, ask
    ready  malformed       closed                       close 4400
    ready  bytes           unsure asked=1               unexpected-result, ask
    ready  assigned        working work=8 stale=0       nothing
    ready  grace-over      ready                        nothing
    ready  recheck         ready                        nothing
    ready  closed          closed                       nothing

    working  register        closed work=none           lose 7, close 4400
    working  register wrong  closed work=none           lose 7, close 4400
    working  busy            working work=7             nothing
    working  ready           working work=7 asked=1     ask
    working  progress        working work=7             progress 7
    working  failed          unsure work=none asked=1   fail 7, ask
    working  malformed       closed work=none           lose 7, close 4400
    working  bytes           unsure work=none asked=1   complete 7, ask
    working  grace-over      working work=7             nothing
    working  recheck         working work=7             nothing
    working  closed          closed work=none           lose 7

    closed  register        closed  nothing
    closed  register wrong  closed  nothing
    closed  busy            closed  nothing
    closed  ready           closed  nothing
    closed  progress        closed  nothing
    closed  failed          closed  nothing
    closed  malformed       closed  nothing
    closed  bytes           closed  nothing
    closed  assigned        closed  nothing
    closed  grace-over      closed  nothing
    closed  recheck         closed  nothing
    closed  closed          closed  nothing
  `);
  const wanted = phases.flatMap((phase) =>
    [...inputsByName.keys()].map((key) => `${phase} ${key}`),
  );
  // The one input that is our own doing: it comes to ready sessions only, or is our mistake.
  const mistakes = ["unregistered", "refused", "unsure", "working"].map((one) => `${one} assigned`);
  expect([...tried, ...mistakes].sort()).toEqual(wanted.sort());
});

test("stepClassicSession() asserts that only a ready worker is given a job [GL-33]", () => {
  const assigned = { kind: "assigned", work: { seq: 8, attempt: 1 } } as const;
  for (const phase of ["unregistered", "refused", "unsure", "working"] as const) {
    expect(() => stepClassicSession(aSession(phase), assigned)).toThrow(/ready worker/);
  }
});

test("ready while working gives the job back when it is said again [GL-32]", () => {
  expectConversation(`
    working                    ready  working doubted=1 asked=1     ask
    working doubted=1 asked=1  ready  ready work=none asked=0       lose 7
    working doubted=1 asked=1  busy   working doubted=0 work=7      nothing
    working doubted=1 asked=1  bytes  unsure work=none              complete 7, ask
    ready                      assigned  working doubted=0 work=8   nothing
  `);
});

test("ready written before the job could be read says nothing about it [GL-32]", () => {
  expectConversation(`
    ready asked=2            assigned  working stale=2 work=8          nothing
    working asked=2 stale=2  ready     working stale=1 asked=1 work=7  nothing
    working asked=1 stale=1  ready     working stale=0 asked=0 work=7  nothing
    working asked=0 stale=0  ready     working doubted=1 work=7        ask
    working asked=2 stale=1  ready     working stale=0 asked=1 work=7  nothing
    working asked=2 stale=1  busy      working stale=0 asked=1 work=7  nothing
  `);
});

test("busy makes the worker unsure until it is asked again [GL-24] [GL-25]", () => {
  expectConversation(`
    ready            busy     unsure asked=0  nothing
    unsure           recheck  unsure asked=1  ask
    unsure asked=3   ready    ready asked=2   nothing
    unsure asked=0   ready    ready asked=0   nothing
    unsure asked=0   busy     unsure asked=0  nothing
  `);
});

test("a second result for one job is noted and counts for nothing [GL-22]", () => {
  const bytes = inputsByName.get("bytes")!;
  const first = stepClassicSession(aSession("working"), bytes);
  const second = stepClassicSession(first.session, bytes);
  expect(first.effects.map((effect) => effect.do)).toEqual(["complete", "ask"]);
  expect(second.effects.map((effect) => effect.do)).toEqual(["note", "ask"]);
});

test("a registration without an id is known by its name [GL-23]", () => {
  const { effects } = stepClassicSession(aSession("unregistered"), registration("", true));
  expect(effects[0]).toEqual({ do: "join", worker: { id: "closet", name: "closet" } });
});

test("a wrong token is closed after the grace time, not before [GL-28]", () => {
  const wrong = stepClassicSession(aSession("unregistered"), registration("x", false));
  expect(wrong.effects).toEqual([]);
  const right = stepClassicSession(wrong.session, registration("x", true));
  expect(right).toEqual({ session: wrong.session, effects: [] });
  const over = stepClassicSession(right.session, { kind: "grace-over" });
  expect(over.effects).toEqual([{ do: "close", code: 4401, reason: "wrong token" }]);
});

test("silence is closed after the grace time [GL-28]", () => {
  const over = stepClassicSession(aSession("unregistered"), { kind: "grace-over" });
  expect(over.effects).toEqual([{ do: "close", code: 4401, reason: "no registration in time" }]);
});

test("progress and failure carry what the worker said [GL-26] [GL-27]", () => {
  const work = { seq: 7, attempt: 1 };
  const progress = stepClassicSession(aSession("working"), inputsByName.get("progress")!);
  expect(progress.effects).toEqual([{ do: "progress", work, percent: 40, info: "half" }]);
  const failed = stepClassicSession(aSession("working"), inputsByName.get("failed")!);
  expect(failed.effects[0]).toEqual({ do: "fail", work, info: "oh", logs: "line" });
});

test("a close reason fits into a control frame, whatever the worker sent", () => {
  for (const why of ["日".repeat(300), `${"x".repeat(109)}👩`, "\ud800".repeat(200)]) {
    const { effects } = stepClassicSession(aSession("working"), { kind: "malformed", why });
    const [lose, close] = effects as [ClassicEffect, ClassicEffect];
    if (close.do !== "close" || lose.do !== "lose") throw new Error("It was to lose and close.");
    const size = new TextEncoder().encode(close.reason).length;
    expect(size).toBeLessThanOrEqual(closeReasonBytesMax);
    expect(size).toBeGreaterThan(closeReasonBytesMax - 4);
    expect(close.reason.isWellFormed() && lose.info.isWellFormed()).toBe(true);
  }
});
