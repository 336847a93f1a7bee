// The worker's end of a conversation as scripts: what it is told, and what it makes of it, line by line.

import { expect, test } from "bun:test";
import {
  createConversation,
  type Conversation,
} from "../../../src/agent/conversation/conversation.ts";
import type { Effect, Input } from "../../../src/agent/conversation/conversation-words.ts";
import { reconnectAfterMs } from "../../../src/agent/conversation/partings.ts";
import { reconnectMsMax } from "../../../src/domain/limits-worker.ts";
import type {
  HeldAttempt,
  HeldVerdict,
  ServerSays,
} from "../../../src/protocol/worker-messages.ts";

const token = "5a".repeat(32);
const sha256 = "0c".repeat(32);
const hello = {
  worker_id: "worker-1",
  boot_id: "b".repeat(32),
  name: "lab-3",
  types: [],
  slots: 2,
  resources: {},
  features: [],
};

function aConversation(
  given: { readonly window?: number; readonly restored?: readonly HeldAttempt[] } = {},
) {
  return createConversation({ hello, window: given.window ?? 2, restored: given.restored ?? [] });
}

const welcome: ServerSays = {
  op: "welcome",
  server: "s",
  incarnation: 1,
  heartbeat_ms: 10_000,
  lease_ms: 35_000,
  frame_body_bytes_max: 65_536,
  features: [],
};

function aJob(job: string): ServerSays {
  const facts = { key: job, type: "", priority: "batch", size: 0, sha256 } as const;
  return { op: "job", job, attempt: 1, token, ...facts };
}

function heard(said: ServerSays, verdicts: readonly HeldVerdict[] = []): Input {
  return { kind: "message", said, body: new Uint8Array(0), verdicts };
}

const verdict = (job: string, what: HeldVerdict["do"]): HeldVerdict => ({
  job,
  attempt: 1,
  do: what,
});
const name = (job: string) => ({ job, attempt: 1 });

/** Inputs in words: what comes from the server begins with `<`. */
const inputs: { readonly [word: string]: (job: string) => Input } = {
  connected: () => ({ kind: "connected" }),
  closed: (code) => ({ kind: "closed", code: Number(code), reason: "" }),
  stranger: () => ({ kind: "stranger" }),
  unreachable: (status) => ({
    kind: "unreachable",
    status: status === "" ? null : Number(status),
    why: "no answer",
  }),
  malformed: () => ({ kind: "malformed", why: "noise" }),
  started: (job) => ({ kind: "started", ...name(job) }),
  long: (job) => ({ kind: "long-running", ...name(job) }),
  says: (job) => ({
    kind: "said",
    ...name(job),
    header: { op: "progress", ...name(job), percent: 1 },
    body: new Uint8Array(0),
  }),
  finished: (job) => ({ kind: "finished", ...name(job), sha256, size: 1 }),
  failed: (job) => ({ kind: "failed", ...name(job) }),
  released: (job) => ({ kind: "released", ...name(job), why: "no_space" }),
  ended: (job) => ({ kind: "ended", ...name(job) }),
  gone: (job) => ({ kind: "gone", ...name(job) }),
  uploaded: (job) => ({ kind: "uploaded", ...name(job), verdict: "committed" }),
  toolarge: (job) => ({
    kind: "undelivered",
    ...name(job),
    code: "payload-too-large",
    detail: "large",
  }),
  damaged: (job) => ({
    kind: "undelivered",
    ...name(job),
    code: "digest-mismatch",
    detail: "damaged",
  }),
  unknown: (job) => ({ kind: "undelivered", ...name(job), code: "forbidden", detail: "unknown" }),
  later: (job) => ({ kind: "undelivered", ...name(job), code: "disk-low", detail: "full" }),
  due: (job) => ({ kind: "deliver-due", ...name(job) }),
  beat: () => ({ kind: "beat-due", vitals: {} }),
  room: (window) => ({ kind: "room", window: Number(window), why: "no_space" }),
  drain: () => ({ kind: "drain" }),
  undrain: () => ({ kind: "undrain" }),
  renewed: (workerId) => ({ kind: "renewed", workerId }),
  leave: () => ({ kind: "leave", why: "drained" }),
  "<welcome": () => heard(welcome),
  "<held": () => heard({ op: "held" }),
  "<continue": (job) => heard(welcome, [verdict(job, "continue")]),
  "<deliver": (job) => heard(welcome, [verdict(job, "deliver")]),
  "<abandon": (job) => heard(welcome, [verdict(job, "abandon")]),
  "<cancelled": (job) => heard(welcome, [verdict(job, "cancel")]),
  "<job": (job) => heard(aJob(job)),
  "<receipt": (job) => heard({ op: "receipt", ...name(job), verdict: "committed" }),
  "<cancel": (job) => heard({ op: "cancel", ...name(job), why: "cancelled" }),
  "<timeout": (job) => heard({ op: "cancel", ...name(job), why: "timeout" }),
  "<drain": () => heard({ op: "drain", deadline_ms: 5 }),
  "<undrain": () => heard({ op: "undrain" }),
  "<bye": () => heard({ op: "bye", why: "restart", retry_after_ms: 7_000 }),
  "<refused": (id) => heard({ op: "refused", code: "disk-low", detail: "full", re: Number(id) }),
};

/** An effect in words: `> op` for what is sent. */
function inWords(effect: Effect): string {
  const job = "job" in effect && typeof effect.job === "string" ? ` ${effect.job}` : "";
  switch (effect.do) {
    case "send": {
      const { op, job: about, window, why } = effect.header;
      const body = new TextDecoder().decode(effect.body).trim();
      const held = body.split("\n").flatMap((line) => {
        const read = line.startsWith("{") ? (JSON.parse(line) as HeldAttempt) : null;
        return read === null ? [] : [`${read.job}=${read.state}`];
      });
      const holding = op === "beat" ? [JSON.stringify(effect.header["holding"])] : [];
      const words = [op, about ?? window, why, ...held, ...holding];
      return `> ${words
        .filter((word) => word !== undefined)
        .map(String)
        .join(" ")}`;
    }
    case "start":
      return `start ${effect.job.job}`;
    case "stop":
      return `stop${job} ${effect.why}`;
    case "deliver":
      return `deliver${job} #${effect.id}`;
    case "deliver-later":
    case "reconnect":
      return `${effect.do}${job} ${effect.afterMs}`;
    case "close":
      return `close ${effect.code}`;
    case "note":
      return `note ${effect.event}`;
    default:
      return `${effect.do}${job}`;
  }
}

/** Rows `input | effects`; chance is a half, and what is only to be waited for is left out. */
function expectScript(conversation: Conversation, script: string): void {
  const lines = script.split("\n").map((line) => line.replace(/\s\([^()]*\)$/, "").trim());
  const told = lines
    .filter((line) => line !== "")
    .map((line) => {
      const words = (line.split("|")[0] ?? "").trim();
      const [word = "", about = ""] = words.split(" ");
      const input = inputs[word];
      if (input === undefined) throw new Error(`"${word}" is no input.`);
      const effects = conversation.step(input(about), 0.5).map(inWords);
      const shown = effects.filter((effect) => !/^(beat-in|welcomed)/.test(effect));
      return `${words} | ${shown.join(", ")}`.trim();
    });
  const wanted = lines
    .filter((line) => line !== "")
    .map((line) => line.replace(/\s*\|\s*/, " | ").trim());
  expect(told).toEqual(wanted);
}

const ready = `
  connected  | > hello
  <welcome   | > ready 2
`;

test("step() goes from hello over welcome to ready, and runs jobs to their receipts", () => {
  expectScript(
    aConversation(),
    `${ready}
    <job a      | start a
    started a   |
    long a      | > started a
    says a      | > progress a
    <job b      | start b
    finished a  | deliver a #1
    <receipt a  | forget a
    started b   |
    failed b    | deliver b #2
    <receipt b  | forget b
    beat        | > beat []
    leave       | > bye drained, close 1000
    <job c      |                                (it is over)`,
  );
});

test("step() holds what happens between two links, and tells it when verdicts came", () => {
  expectScript(
    aConversation({ window: 4 }),
    `
    connected     | > hello
    <welcome      | > ready 4
    <job a        | start a
    <job b        | start b
    <job c        | start c
    started a     |
    started b     |
    finished a    | deliver a #1
    closed 1006   | reconnect 250
    finished b    |
    says c        |
    connected     | > hello a=finished b=finished c=queued
    started c     |
    failed c      |                              (ended before its verdict came)
    <deliver a    | > ready 4, deliver a #2, deliver b #3, deliver c #4
    <receipt a    | forget a
    <receipt b    | forget b
    <receipt c    | forget c`,
  );
});

test("step() obeys the verdicts of a resume in every state of an attempt", () => {
  for (const [before, verdicts] of [
    [
      "",
      `<abandon a | drop a, > ready 2
       <job a     | start a                       (nothing of it is left)`,
    ],
    ["", "<cancelled a | drop a, > ready 2"],
    [
      "started a |",
      `<abandon a | stop a abandoned, > ready 2
       <job b     | start b                       (it takes no place any more)
       <job c     | start c
       beat       | > beat [["b",1,"queued"],["c",1,"queued"]]
       ended a    |`,
    ],
    [
      "started a |",
      `<cancelled a | stop a cancelled, > ready 2
       <job b       | start b
       <job c       | > release c surplus         (it is counted until it has ended)
       ended a      | > ended a`,
    ],
    ["started a |\n finished a |", "<abandon a | forget a, > ready 2"],
    ["started a |\n failed a |", "<continue a | > ready 2, deliver a #1"],
    ["started a |\n released a |", "<continue a | > ready 2, > release a no_space"],
    ["started a |\n released a |", "<abandon a | > ready 2"],
  ] as const) {
    const conversation = aConversation();
    expectScript(conversation, `${ready}\n <job a | start a\n closed 1006 | reconnect 250`);
    if (before !== "") expectScript(conversation, before);
    conversation.step({ kind: "connected" }, 0.5);
    expectScript(conversation, verdicts);
  }
});

test("step() ends what is cancelled, and ignores a cancel of what is under way", () => {
  expectScript(
    aConversation({ window: 4 }),
    `
    connected     | > hello
    <welcome      | > ready 4
    <job a        | start a
    <job b        | start b
    <job c        | start c
    <cancel c     | drop c, > ended c
    started a     |
    started b     |
    <cancel a     | stop a cancelled
    <cancel a     |                              (once is enough)
    ended a       | > ended a
    <timeout b    | stop b timeout
    finished b    | forget b, > ended b          (no result after a cancel)
    <job d        | start d
    started d     |
    finished d    | deliver d #1
    <cancel d     |                              (its receipt decides)
    <receipt d    | forget d
    <cancel d     | > ended d                    (unknown by now)`,
  );
});

test("step() keeps to its window, and gives back what is above it", () => {
  expectScript(
    aConversation(),
    `${ready}
    <job a       | start a
    <job b       | start b
    <job c       | > release c surplus
    <receipt c   |
    started a    |
    room 1       | > ready 1, drop b, > release b no_space
    <job d       | > release d no_space
    room 2       | > ready 2
    <job e       | start e
    drain        | > ready 0, drop e, > release e drain
    <job f       | > release f drain
    undrain      | > ready 2
    <drain       | drain-within                  (the server knows its own wish)
    <job g       | > release g drain
    <undrain     | undrained
    <job h       | start h`,
  );
});

test("step() takes a job once, and lets receipts pass that nobody waits for", () => {
  expectScript(
    aConversation(),
    `${ready}
    <job a       | start a
    <job a       | note job.duplicate
    <receipt a   | note receipt.unexpected
    <receipt z   | note receipt.unexpected
    finished z   | forget z
    ended z      |
    released z   |
    gone a       | > ended a`,
  );
});

test("step() decides what becomes of an end that was not taken", () => {
  expectScript(
    aConversation({ window: 4 }),
    `
    connected     | > hello
    <welcome      | > ready 4
    <job a        | start a
    started a     |
    finished a    | deliver a #1
    <refused 1    | note server.refused, deliver-later a 750
    due a         | deliver a #2
    later a       | deliver-later a 1500
    due a         | deliver a #3
    damaged a     | deliver-later a 3000
    due a         | deliver a #4
    damaged a     | deliver-later a 6000
    due a         | deliver a #5
    damaged a     | fail-instead a
    failed a      | deliver a #6
    toolarge a    | forget a                     (a failure that cannot be told)
    <job b        | start b
    started b     |
    finished b    | deliver b #7
    toolarge b    | fail-instead b
    failed b      | deliver b #8
    unknown b     | forget b
    <job c        | start c
    started c     |
    finished c    | deliver c #9
    closed 1006   | reconnect 250
    uploaded c    | forget c                     (an upload needs no link)
    <refused 9    |`,
  );
});

test("step() tells what a former run left, and more of it than a hello can name", () => {
  const restored = Array.from({ length: 400 }, (_, n) => ({
    ...name(`job-${n}`),
    token,
    state: "finished" as const,
    sha256,
    size: 1,
  }));
  const conversation = aConversation({ restored });
  const [first] = conversation.step({ kind: "connected" }, 0);
  const named = (effect: Effect | undefined) =>
    effect?.do === "send" ? new TextDecoder().decode(effect.body).trim().split("\n").length : 0;
  const second = conversation.step(heard(welcome), 0).filter((effect) => effect.do === "send");
  expect(second.map(inWords)[0]).toStartWith("> holding job-");
  expect(named(first) + named(second[0])).toBe(400);
  const third = conversation.step(heard({ op: "held" }), 0).map(inWords);
  expect(third[0]).toBe("> ready 2");
  expect(third.filter((words) => words.startsWith("deliver"))).toHaveLength(400);
});

test("step() closes with 4400 and gives up when the server breaks the order, in every phase", () => {
  const over = "close 4400, give-up";
  for (const script of [
    `connected | > hello \n <job a | ${over}`,
    `connected | > hello \n <receipt a | ${over}`,
    `connected | > hello \n <cancel a | ${over}`,
    `connected | > hello \n <held | ${over}`,
    `connected | > hello \n malformed | ${over}`,
    `${ready} \n <welcome | ${over}`,
    `${ready} \n <held | ${over}`,
    `${ready} \n malformed | ${over} \n connected | \n <welcome |`,
    `malformed | \n <job a | \n connected | > hello`,
  ]) {
    expectScript(aConversation(), script);
  }
});

test("step() comes back after what passes, becomes another after 4410, and gives up after what is final", () => {
  const again = "reconnect 250";
  for (const [input, effects] of [
    ["closed 1000", again],
    ["closed 1006", again],
    ["closed 1012", again],
    ["closed 1013", again],
    ["closed 4408", again],
    ["closed 4429", again],
    ["closed 4400", "give-up"],
    ["closed 4401", "give-up"],
    ["closed 4403", "give-up"],
    ["closed 4409", "give-up"],
    ["closed 4426", "give-up"],
    ["closed 4410", `renew-identity, ${again}`],
    ["stranger", "give-up"],
    ["unreachable", again],
    ["unreachable 503", again],
    ["unreachable 404", again],
    ["unreachable 400", "give-up"],
    ["unreachable 401", "give-up"],
    ["unreachable 403", "give-up"],
  ] as const) {
    expectScript(aConversation(), `connected | > hello\n ${input} | ${effects}`);
  }
});

test("step() waits longer with each try, anew after a link that stood, and as long as the server asks", () => {
  expectScript(
    aConversation(),
    `
    unreachable  | reconnect 250
    unreachable  | reconnect 500
    connected    | > hello
    <welcome     | > ready 2
    closed 1006  | reconnect 1000                (a welcome alone is no good link)
    connected    | > hello
    <welcome     | > ready 2
    beat         | > beat []
    closed 1006  | reconnect 250
    connected    | > hello
    <bye         | note server.bye
    closed 1012  | reconnect 7500
    unreachable  | reconnect 1000`,
  );
});

test("step() says hello under its new identity", () => {
  const conversation = aConversation();
  expectScript(conversation, "connected | > hello\n closed 4410 | renew-identity, reconnect 250");
  conversation.step({ kind: "renewed", workerId: "worker-2" }, 0);
  const [effect] = conversation.step({ kind: "connected" }, 0);
  expect(effect).toMatchObject({ header: { op: "hello", worker_id: "worker-2" } });
});

test("step() names what it holds in several beats when one header is too small for all", () => {
  const conversation = aConversation({ window: 1200 });
  conversation.step({ kind: "connected" }, 0);
  conversation.step(heard(welcome), 0);
  for (let n = 0; n < 1200; n += 1) conversation.step(heard(aJob(`job-${n}`)), 0);
  const beats = conversation.step({ kind: "beat-due", vitals: { load: 1 } }, 0);
  const listed = beats.flatMap((effect) =>
    effect.do === "send" ? [(effect.header["holding"] as readonly unknown[]).length] : [],
  );
  expect(listed).toEqual([500, 500, 200]);
  const withVitals = beats.filter((effect) => effect.do === "send" && "vitals" in effect.header);
  expect(withVitals).toHaveLength(1);
});

test("reconnectAfterMs() spreads its waits evenly over a bound that doubles up to a minute", () => {
  expect([0, 1, 5, 50].map((tries) => reconnectAfterMs(tries, null, 1))).toEqual([
    500,
    1_000,
    16_000,
    reconnectMsMax,
  ]);
  expect(reconnectAfterMs(50, null, 0)).toBe(0);
  expect(reconnectAfterMs(0, 10_000_000_000, 0)).toBe(600_000);
});
