import { expect, test } from "bun:test";
import type { WireExplanation, WireJob, WireWorker } from "../../src/protocol/http-api.ts";
import { openDoor } from "../support/http-door.ts";
import { openReady, type V2Worker } from "../support/v2-worker.ts";
import { openWorker } from "../support/ws-worker.ts";

const mebibyte = 1024 * 1024;

const resources = { cpus: 6, memory_bytes: 8 * 1024 * mebibyte, gpus: 0, tags: ["lab"] };

function open(api: string, id: string, slots: number, given: Partial<typeof resources> = {}) {
  const about = { worker_id: id, name: id, boot_id: `boot-of-the-worker-${id}` };
  return openReady(api, slots, { ...about, resources: { ...resources, ...given } });
}

/** Until the server has read all that this worker said before. */
async function caughtUp(worker: V2Worker): Promise<void> {
  worker.say("never-heard-of", {});
  await worker.next("refused");
}

test("two jobs of four processors do not run at once on six, and the second follows the first", async () => {
  await using door = await openDoor();
  await using worker = await open(door.api, "w", 4);
  await door.submit("a", "a", "&requires=mem=1GiB,cpus=4");
  const first = await worker.nextJob();
  expect(first.header["requires"]).toBe("cpus=4,mem=1GiB");
  await door.submit("b", "b", "&requires=cpus=4");
  await door.submit("c", "c");
  expect((await worker.nextJob()).key).toBe("c");

  const explained = (await (await door.call("/jobs/b/explain")).json()) as WireExplanation;
  expect(explained.workers.map(({ code, is_fit: isFit }) => [code, isFit])).toEqual([
    ["no-room", true],
  ]);
  expect(explained.reasons.map(({ code }) => code)).toEqual(["all-busy"]);
  await caughtUp(worker);
  expect(worker.unheard().map(({ header }) => header.op)).not.toContain("job");

  worker.result(first, "done");
  expect((await worker.nextJob()).key).toBe("b");
  const job = (await (await door.call("/jobs/b")).json()) as WireJob;
  expect([job.status, job.requires]).toEqual(["running", "cpus=4"]);
});

test("what a cancelled job took of its worker is given to the next one", async () => {
  await using door = await openDoor();
  await using worker = await open(door.api, "w", 4);
  await door.submit("a", "a", "&requires=cpus=4");
  const first = await worker.nextJob();
  await door.submit("b", "b", "&requires=cpus=4");
  await door.call("/jobs/a/cancel", { method: "POST" });
  worker.say("ended", { job: first.job, attempt: first.attempt });
  expect((await worker.nextJob()).key).toBe("b");
});

test("requirements pass over workers that do not tell what they offer, unless it is the one that is named", async () => {
  await using door = await openDoor();
  using classic = await openWorker(door.api);
  await door.submit("tagged", "tagged", "&requires=tag:lab");
  await door.submit("named", "named", "&requires=worker=w1");
  expect(await classic.nextPayload()).toBe("named");
  const before = (await (await door.call("/jobs/tagged/explain")).json()) as WireExplanation;
  expect(before.workers[0]?.code).toBe("requirements");
  expect(before.summary).toContain("Connect a worker started with --tag lab.");

  await using worker = await open(door.api, "lab", 1);
  expect((await worker.nextJob()).key).toBe("tagged");
});

test("each form of submission takes requirements, and the same in other words is the same job", async () => {
  await using door = await openDoor();
  const lines = [
    { key: "line", payload: "x", requires: "gpu=1, cpus=02" },
    { key: "bad", payload: "x", requires: "cpu=1" },
  ];
  const many = await door.call("/jobs/submit-many", {
    method: "POST",
    body: lines.map((line) => JSON.stringify(line)).join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  });
  const answers = (await many.text()).trim().split("\n");
  expect(JSON.parse(answers[0] ?? "")).toMatchObject({ created: "line" });
  expect(JSON.parse(answers[1] ?? "")).toMatchObject({
    error: { code: "malformed", detail: 'There is no requirement "cpu". Did you mean "cpus"?' },
  });

  const form = new FormData();
  form.set("key", "form");
  form.set("Requires", "tag:b,tag:a");
  form.set("payload", new Blob(["x"]));
  expect((await door.call("/jobs/submit", { method: "POST", body: form })).status).toBe(202);
  const shown = async (key: string) =>
    ((await (await door.call(`/jobs/${key}`)).json()) as WireJob).requires;
  expect([await shown("line"), await shown("form")]).toEqual(["cpus=2,gpu=1", "tag:a,tag:b"]);

  const submit = (requires: string) =>
    door.call(`/jobs/submit?key=twice&requires=${encodeURIComponent(requires)}`, {
      method: "POST",
      body: "x",
    });
  const statuses = [await submit("cpus=1,mem=1GiB"), await submit("mem=1024MiB,cpus=1.0")];
  expect(statuses.map(({ status }) => status)).toEqual([202, 200]);
  expect((await submit("cpus=1")).status).toBe(409);
});

test("the worker that tells of a busy machine is given a job after the one that does not [BA-19] [GC-44]", async () => {
  await using door = await openDoor();
  await using hot = await open(door.api, "hot", 2);
  await using calm = await open(door.api, "calm", 2);
  hot.say("beat", { vitals: { load: 5.5, cpu: [1, 1, 1, 1, 1, 1] } });
  calm.say("beat", { vitals: { load: 0.2, cpu: [0, 0, 0, 0, 0, 0.1] } });
  await caughtUp(hot);
  await caughtUp(calm);
  const workers = (await (await door.call("/workers")).json()) as readonly WireWorker[];
  expect(workers.map(({ vitals }) => vitals?.load)).toEqual([5.5, 0.2]);
  await door.submit("first");
  expect((await calm.nextJob()).key).toBe("first");
  await door.submit("second");
  expect((await hot.nextJob()).key).toBe("second");
});
