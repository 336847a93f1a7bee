// Who is given which job: by what jobs require and workers offer, and by turn or load among those that may have it.

import { expect, test } from "bun:test";
import { explain } from "../../../src/broker/explain.ts";
import { explainFacts } from "../../../src/broker/explain-facts.ts";
import { couldRunElsewhere } from "../../../src/broker/could-run.ts";
import { aHall, aSeat, type Hall } from "../../support/seats.ts";
import { requireJob } from "../../support/store-steps.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const gib = 1024 ** 3;

async function addAll({ add }: Hall, keys: string, requires: string | null = null) {
  for (const key of keys.split(" ")) await add(key, requires);
}

test("a job with requirements goes to a worker that has what it requires, and to no other", async () => {
  const hall = aHall();
  hall.sit(aSeat("classic", { offers: null }));
  hall.sit(aSeat("small", { offers: { cpus: 2 } }));
  hall.sit(aSeat("tagged", { offers: { cpus: 2, tags: ["x"] } }));
  hall.sit(aSeat("large", { offers: { cpus: 8, memoryBytes: 16 * gib, gpus: 1 } }));
  await hall.add("g", "gpu=1");
  await hall.add("t", "tag:x");
  await hall.add("c", "worker=classic");
  await hall.add("n", "cpus=9");
  expect(await hall.round()).toEqual(["g>large", "t>tagged", "c>classic"]);
  await addAll(hall, "p q");
  expect(await hall.round()).toEqual(["p>small"]);
});

test("what the jobs of a worker require together stays within what it offers", async () => {
  const hall = aHall();
  hall.sit(aSeat("w", { slots: 8, offers: { cpus: 6 } }));
  await addAll(hall, "a b", "cpus=4");
  await addAll(hall, "c", "cpus=2");
  await addAll(hall, "d");
  expect(await hall.round()).toEqual(["a>w", "c>w", "d>w"]);
  expect(await hall.round()).toEqual([]);
  await hall.end("c");
  expect(await hall.round()).toEqual([]);
  await hall.end("a");
  expect(await hall.round()).toEqual(["b>w"]);
});

test("jobs without requirements are counted by slots alone", async () => {
  const hall = aHall();
  hall.sit(aSeat("w", { slots: 3, offers: { cpus: 1 } }));
  await addAll(hall, "full", "cpus=1");
  await addAll(hall, "a b c");
  expect(await hall.round()).toEqual(["full>w", "a>w", "b>w"]);
});

test("a job keeps its place behind earlier ones that require what is taken", async () => {
  const hall = aHall();
  hall.sit(aSeat("w", { slots: 2, offers: { cpus: 4 } }));
  await addAll(hall, "a b", "cpus=4");
  await addAll(hall, "c d");
  expect(await hall.round()).toEqual(["a>w", "c>w"]);
  await hall.end("a");
  expect(await hall.round()).toEqual(["b>w"]);
});

test("thousands of jobs that fit nobody, or nobody now, cost a round nothing", async () => {
  const hall = aHall();
  hall.sit(aSeat("w", { slots: 4, offers: { cpus: 4 } }));
  for (let n = 0; n < 3000; n += 1) await hall.add(`n${n}`, "cpus=5");
  await addAll(hall, "running", "cpus=3");
  for (let n = 0; n < 3000; n += 1) await hall.add(`l${n}`, "cpus=2");
  expect(await hall.round()).toEqual(["running>w"]);
  Object.assign(hall.asked, { calls: 0, rows: 0 });
  expect(await hall.round()).toEqual([]);
  expect(hall.asked).toEqual({ calls: 0, rows: 0 });
  await hall.add("plain");
  expect(await hall.round()).toEqual(["plain>w"]);
  expect(hall.asked).toEqual({ calls: 1, rows: 1 });
});

test("no more jobs with requirements are read than there is room for", async () => {
  const hall = aHall();
  hall.sit(aSeat("w", { slots: 64, offers: { cpus: 6 } }));
  for (let n = 0; n < 1000; n += 1) await hall.add(`j${n}`, "cpus=2");
  expect(await hall.round()).toEqual(["j0>w", "j1>w", "j2>w"]);
  expect(hall.asked).toEqual({ calls: 1, rows: 3 });
});

test("a job is found behind others of nearly the same requirements that are a little too large", async () => {
  const hall = aHall();
  hall.sit(aSeat("w", { offers: { memoryBytes: 64 * gib } }));
  for (let n = 0; n < 20; n += 1) await hall.add(`large${n}`, `mem=${64 * gib + 1 + n}B`);
  await hall.add("fits", "mem=64GiB");
  expect(await hall.round()).toEqual(["fits>w"]);
});

test("round-robin gives each in its turn, whatever it holds [BA-19]", async () => {
  const hall = aHall("round-robin");
  for (const id of ["a", "b", "c"]) hall.sit(aSeat(id, { slots: 4 }), 4);
  await addAll(hall, "1 2");
  expect(await hall.round()).toEqual(["1>a", "2>b"]);
  await addAll(hall, "3 4 5 6");
  expect(await hall.round()).toEqual(["3>c", "4>a", "5>b", "6>c"]);
  await hall.end("1");
  await addAll(hall, "7");
  expect(await hall.round()).toEqual(["7>a"]);
});

test("least-loaded gives to who holds least for its slots, by turn among equals [GC-44]", async () => {
  const hall = aHall();
  hall.sit(aSeat("small", { slots: 2 }));
  hall.sit(aSeat("large", { slots: 6 }));
  await addAll(hall, "1 2 3 4 5 6 7 8");
  // After one each, the large one holds a smaller share until both hold the same.
  expect(await hall.round()).toEqual([
    "1>small",
    "2>large",
    "3>large",
    "4>large",
    "5>small",
    "6>large",
    "7>large",
    "8>large",
  ]);
  for (const key of ["1", "5", "8"]) await hall.end(key);
  await addAll(hall, "9");
  expect(await hall.round()).toEqual(["9>small"]);
});

test("least-loaded prefers the machine that is less busy, of those that hold the same [BA-19] [GC-44]", async () => {
  const hall = aHall();
  hall.sit(aSeat("hot", { slots: 2, vitals: { load: 3.9, cpu: [1, 1] } }));
  hall.sit(aSeat("full", { slots: 2, vitals: { memoryBytes: 100, memoryUsedBytes: 99 } }));
  hall.sit(aSeat("calm", { slots: 2, vitals: { load: 0.1, cpu: [0.1, 0] } }));
  hall.sit(aSeat("silent", { slots: 2 }));
  await addAll(hall, "1 2 3 4 5");
  expect(await hall.round()).toEqual(["1>calm", "2>silent", "3>hot", "4>full", "5>calm"]);
});

test("least-loaded finds the one worker with what is required among thousands that are idle", async () => {
  const hall = aHall();
  for (let n = 0; n < 5000; n += 1) hall.sit(aSeat(`w${n}`, { offers: { cpus: 1 } }));
  hall.sit(aSeat("gpu", { slots: 2, offers: { gpus: 1 } }));
  await addAll(hall, "1 2", "gpu=1");
  await addAll(hall, "3");
  expect(await hall.round()).toEqual(["1>gpu", "3>w0"]);
});

test("couldRunElsewhere() knows that the others do not have what the job requires", async () => {
  const hall = aHall();
  hall.sit(aSeat("a", { offers: { tags: ["x"] } }));
  hall.sit(aSeat("b"));
  const of = async (requires: string | null) => {
    const seq = await hall.add(`${requires}`, requires);
    return couldRunElsewhere(hall.deps, { ...(await requireJob(hall.jobs, seq)), avoid: ["a"] });
  };
  expect([await of(null), await of("tag:x"), await of("worker=b")]).toEqual([true, false, true]);
});

const kinds = [null, "cpus=1", "cpus=2", "cpus=3,tag:x", "mem=5GiB", "tag:x", "worker=w1", "gpu=1"];

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`explain() and the dispatcher agree on who may have a job, and no sum is exceeded (seed ${seed})`, async () => {
    const random = createSeededRandom(seed);
    const below = (count: number) => Math.floor(random.fraction() * count);
    const hall = aHall(seed % 2 === 0 ? "round-robin" : "least-loaded");
    const seats = ["w0", "w1", "w2", "w3"].map((id) => {
      const [cpus, gpus, slots] = [below(5), below(2), 1 + below(4)];
      const tags = below(2) === 0 ? ["x"] : [];
      const offers = below(5) === 0 ? null : { cpus, gpus, tags, memoryBytes: below(12) * gib };
      return hall.sit(aSeat(id, { slots, offers }));
    });
    const running = new Set<string>();
    const waiting = new Set<string>();
    let givenCount = 0;
    for (let turn = 0; turn < 120; turn += 1) {
      const key = `j${turn}`;
      await hall.add(key, kinds[below(kinds.length)]);
      waiting.add(key);
      if (below(3) > 0)
        for (const one of [...running].slice(0, below(4))) {
          await hall.end(one);
          running.delete(one);
        }
      for (const pair of await hall.round()) {
        const [given = ""] = pair.split(">");
        waiting.delete(given);
        running.add(given);
        givenCount += 1;
      }
      for (const seat of seats) {
        const held = hall.deps.roster.held(seat);
        expect(held.milliCpus).toBeLessThanOrEqual((seat.offers?.cpus ?? 0) * 1000);
        expect(held.memoryBytes).toBeLessThanOrEqual(seat.offers?.memoryBytes ?? 0);
        expect(held.gpus).toBeLessThanOrEqual(seat.offers?.gpus ?? 0);
      }
      // After a round no job waits for whom a worker stands free in the eyes of explain().
      for (const one of waiting) {
        const { workers } = explain(await factsOf(hall, one));
        const free = workers.filter(({ code, connection }) => {
          const seat = seats.find((each) => each.connection === connection);
          return code === "free" && seat !== undefined && hall.deps.roster.room(seat) > 0;
        });
        expect([turn, one, free]).toEqual([turn, one, []]);
      }
    }
    expect(givenCount).toBeGreaterThan(40);
  });
}

function factsOf({ deps, jobs }: Hall, key: string) {
  const alike = { setAsideMs: () => 0, isStopping: () => false, jobs };
  return explainFacts({ ...deps, ...alike }, { by: "key", key });
}
