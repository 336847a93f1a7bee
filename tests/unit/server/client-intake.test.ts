import { expect, test } from "bun:test";
import type { SubmitOutcome } from "../../../src/broker/submit-many.ts";
import { submissionsPerCommitMax } from "../../../src/domain/limits.ts";
import { createSilentLog } from "../../../src/platform/log.ts";
import { atEndOfTurn } from "../../../src/platform/turn.ts";
import { parseClientMessage, type SubmitMessage } from "../../../src/protocol/client-messages.ts";
import { createClientIntake } from "../../../src/server/client-intake.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aBroker, aType } from "../../support/a-broker.ts";

/** An intake over a broker whose store counts the calls that add jobs. */
async function anIntake(isTaking = () => true) {
  const store = createMemoryJobStore({ batchSize: 3 });
  const sizes: number[] = [];
  const jobs: typeof store = {
    ...store,
    add(added) {
      sizes.push(added.length);
      return store.add(added);
    },
  };
  const { broker } = aBroker([aType()], jobs);
  await broker.start();
  const intake = createClientIntake({ broker, atEndOfTurn, log: createSilentLog(), isTaking });
  const put = (fields: object, payload: Uint8Array = new Uint8Array(0)) => {
    const message = parseClientMessage({ op: "submit", ...fields }) as SubmitMessage;
    return new Promise<SubmitOutcome>((answer) => intake.put({ message, payload, answer }));
  };
  return { broker, put, sizes };
}

test("put() adds a thousand submissions of one turn with few calls of the store", async () => {
  const { broker, put, sizes } = await anIntake();
  const all = Array.from({ length: 1_000 }, (_, id) => put({ id, key: `k${id}` }));
  const outcomes = await Promise.all(all);
  expect(outcomes.every(({ kind }) => kind === "submitted")).toBeTrue();
  expect(sizes).toEqual([submissionsPerCommitMax, 1_000 - submissionsPerCommitMax]);
  const { items } = await broker.list({ filter: {}, order: "oldest", limit: 3, after: null });
  expect(items.map(({ key }) => key)).toEqual(["k0", "k1", "k2"]);
});

test("put() shares a commit among all that came in one turn, and begins another in the next", async () => {
  const { put, sizes } = await anIntake();
  await Promise.all([put({ id: 1 }), put({ id: 1 })]);
  await put({ id: 2 });
  expect(sizes).toEqual([2, 1]);
});

test("put() keeps the order also where one payload has to be stored apart", async () => {
  const { broker, put } = await anIntake();
  const first = put({ id: 1, key: "same" }, new Uint8Array(60_000));
  const second = put({ id: 2, key: "same" }, new Uint8Array(1));
  expect([(await first).kind, await second]).toMatchObject([
    "submitted",
    { kind: "refused", error: { code: "key-taken" } },
  ]);
  expect((await broker.get({ by: "key", key: "same" })).payload.size).toBe(60_000);
});

test("put() reads the same options once and the key each time", async () => {
  const { broker, put } = await anIntake();
  const options = { group: "g", priority: "immediate", labels: { a: 1 }, timeout_s: 5 };
  await put({ id: 1, key: "a", ...options });
  await put({ id: 2, ...options, key: "b" });
  await put({ id: 3, group: "g" });
  const page = { filter: { group: "g" }, order: "oldest", limit: 9, after: null } as const;
  const { items } = await broker.list(page);
  expect(items.map(({ key, priority, labels }) => [key, priority, labels])).toEqual([
    ["a", "immediate", '{"a":1}'],
    ["b", "immediate", '{"a":1}'],
    [items[2]!.id, "batch", null],
  ]);
  expect(items[1]!.options.timeoutMs).toBe(5_000);
});

test("put() refuses while the server stops, and keeps nothing", async () => {
  const { put, sizes } = await anIntake(() => false);
  expect(await put({ id: 1 })).toMatchObject({ error: { code: "shutting-down" } });
  expect(sizes).toEqual([]);
});
