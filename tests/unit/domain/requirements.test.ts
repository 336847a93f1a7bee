import { expect, test } from "bun:test";
import {
  countThatFit,
  needsOf,
  nothingTaken,
  parseNeeds,
  shortOf,
  toRequires,
  type Amounts,
} from "../../../src/domain/requirements.ts";
import type { Offers } from "../../../src/domain/worker.ts";

const canonical = (text: string) => {
  const parsed = parseNeeds(text);
  return parsed.kind === "needs" ? toRequires(parsed.needs) : parsed.problem;
};

test("toRequires() is one text for the same requirements, however they were written", () => {
  for (const [written, wanted] of [
    ["cpus=4", "cpus=4"],
    ["cpus=04.50", "cpus=4.5"],
    ["cpus=0.125", "cpus=0.125"],
    ["mem=8GiB", "mem=8GiB"],
    ["mem=8 gib", "mem=8GiB"],
    ["mem=8589934592", "mem=8GiB"],
    ["mem=1.5GiB", "mem=1536MiB"],
    ["mem=1kb", "mem=1000B"],
    ["gpu=02", "gpu=2"],
    ["tag:b,tag:a", "tag:a,tag:b"],
    ["tag:a:b", "tag:a:b"],
    ["tag:os=linux", "tag:os=linux"],
    ["worker=w 1", "worker=w 1"],
    ["worker=a=b:c", "worker=a=b:c"],
    [" worker=w , tag: x , gpu =1, mem= 8GiB ,cpus=4 ", "cpus=4,mem=8GiB,gpu=1,tag:x,worker=w"],
  ] as const) {
    expect([written, canonical(written)]).toEqual([written, wanted]);
    expect(canonical(wanted)).toBe(wanted);
  }
});

test("parseNeeds() names what is wrong and what was meant", () => {
  for (const [written, wanted] of [
    ["", "empty"],
    ["cpus=4,", "empty"],
    ["cpu=4", 'There is no requirement "cpu". Did you mean "cpus"?'],
    ["gpus=1", 'Did you mean "gpu"?'],
    ["memory=8GiB", "Known: cpus=4, mem=8GiB, gpu=1, tag:NAME, worker=ID."],
    ["big", 'There is no requirement "big".'],
    ["cpus", "write it as cpus=4."],
    ["cpus:4", "write it as cpus=4."],
    ["tag=x", "write it as tag:NAME."],
    ["tag", "write it as tag:NAME."],
    ["tag:", "a tag has 1 to 64 characters"],
    [`tag:${"x".repeat(65)}`, "a tag has 1 to 64 characters"],
    ["tag:\u202ex", "a tag has"],
    ["worker=", "give the id of a worker"],
    ["worker:w", "write it as worker=ID."],
    ["cpus=0", "give processors from 0.001"],
    ["cpus=-1", "give processors"],
    ["cpus=0.0001", "give processors"],
    ["cpus=1e3", "give processors"],
    ["cpus=65537", "to 65536"],
    ["mem=", "give a size such as 8GiB"],
    ["mem=0", "give a size"],
    ["mem=8G", "give a size"],
    ["mem=-1GiB", "give a size"],
    ["gpu=0", "give a whole number"],
    ["gpu=1.5", "give a whole number"],
    ["cpus=1,cpus=2", "requires names cpus twice."],
    ["tag:x,tag:y,tag:x", "requires names tag:x twice."],
    ["worker=a,worker=b", "requires names worker twice."],
    [Array.from({ length: 33 }, (_, n) => `tag:${n}`).join(), "33 tags"],
    ["x".repeat(5000), "5000 characters"],
  ] as const) {
    const parsed = parseNeeds(written);
    expect([written, parsed.kind]).toEqual([written, "problem"]);
    expect(canonical(written)).toContain(wanted);
  }
});

test("needsOf() reads back what is stored, and asserts that it was checked", () => {
  const text = "cpus=0.5,mem=1GiB,gpu=1,tag:x,worker=w";
  expect(toRequires(needsOf(text))).toBe(text);
  expect(() => needsOf("cpus=many")).toThrow("checked on its way in");
});

const gib = 1024 ** 3;
const big: Offers = { cpus: 6, memoryBytes: 16 * gib, gpus: 2, tags: ["x", "y"] };
const silent: Offers = { cpus: null, memoryBytes: null, gpus: 0, tags: [] };
const thirds: Offers = { ...silent, cpus: 1 / 3 };

const taken = (given: Partial<Amounts>): Amounts => ({ ...nothingTaken, ...given });

test("shortOf() tells the first thing of which a worker has too little", () => {
  for (const [requires, offers, held, wanted] of [
    ["cpus=6", big, {}, null],
    ["cpus=6.001", big, {}, "cpus"],
    ["cpus=4", big, { milliCpus: 2000 }, null],
    ["cpus=4", big, { milliCpus: 2001 }, "cpus"],
    ["mem=16GiB", big, {}, null],
    ["mem=16GiB", big, { memoryBytes: 1 }, "mem"],
    ["gpu=2", big, {}, null],
    ["gpu=2", big, { gpus: 1 }, "gpu"],
    ["tag:x,tag:y", big, {}, null],
    ["tag:x,tag:z", big, {}, "tag"],
    ["tag:X", big, {}, "tag"],
    ["worker=w", big, {}, null],
    ["worker=v", big, {}, "worker"],
    ["worker=w,cpus=7", big, {}, "cpus"],
    ["cpus=0.001", silent, {}, "cpus"],
    ["mem=1B", silent, {}, "mem"],
    ["gpu=1", silent, {}, "gpu"],
    ["worker=w", null, {}, null], // Who tells nothing has a name all the same.
    ["cpus=1", null, {}, "cpus"],
    ["tag:x", null, {}, "tag"],
    ["cpus=0.333", thirds, {}, null],
    ["cpus=0.334", thirds, {}, "cpus"],
    ["tag:x", big, { milliCpus: 9000, memoryBytes: 99 * gib, gpus: 9 }, null], // Takes none of it.
  ] as const) {
    const short = shortOf(needsOf(requires), { workerId: "w", offers }, taken(held));
    expect([requires, offers, held, short]).toEqual([requires, offers, held, wanted]);
  }
});

test("countThatFit() agrees with shortOf() however often one more is given", () => {
  for (const requires of [
    "cpus=4",
    "cpus=0.7",
    "mem=5GiB,cpus=1",
    "gpu=1",
    "gpu=1,mem=9GiB",
    "tag:z",
  ]) {
    const needs = needsOf(requires);
    const offerer = { workerId: "w", offers: big };
    let [count, held] = [0, nothingTaken];
    while (shortOf(needs, offerer, held) === null) {
      count += 1;
      held = {
        milliCpus: held.milliCpus + needs.milliCpus,
        memoryBytes: held.memoryBytes + needs.memoryBytes,
        gpus: held.gpus + needs.gpus,
      };
    }
    expect([requires, countThatFit(needs, offerer, nothingTaken)]).toEqual([requires, count]);
    expect(countThatFit(needs, offerer, held)).toBe(0);
  }
  expect(countThatFit(needsOf("tag:x"), { workerId: "w", offers: big }, nothingTaken)).toBe(
    Infinity,
  );
});
