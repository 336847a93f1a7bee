// What operators do with the client, against the real server: many jobs at once, groups, reasons, logs and workers.
import { expect, test } from "bun:test";
import { createClient } from "../../src/client/index.ts";
import { apiKey, openDoor, type Door } from "../support/http-door.ts";
import { openEchoWorker } from "../support/echo-worker.ts";

function clientOf(door: Door) {
  return createClient({ url: door.api.replace(/\/api$/, ""), token: apiKey });
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream as ConstructorParameters<typeof Response>[0]).text();
}

test("many.cancel(), many.retry() and many.remove() act on all that a filter finds", async () => {
  await using door = await openDoor();
  const client = clientOf(door);
  for (const key of ["a", "b", "c"])
    await client.submit(key, { key, group: key === "c" ? "g" : "h" });
  expect(await client.many.cancel({ group: "h" })).toEqual({ matched: 2, changed: 2, refused: 0 });
  expect(await client.many.remove({ keyPrefix: "c" })).toEqual({
    matched: 1,
    changed: 0,
    refused: 1,
  });
  expect(await client.many.retry({ status: "cancelled" })).toMatchObject({ changed: 2 });
  expect(await client.many.remove({}, { force: true })).toMatchObject({ changed: 3 });
  expect(await client.groups.get("g").catch(({ code }) => code)).toBe("no-such-job");
});

test("groups.get(), cancel(), retryFailed() and results() look after a group", async () => {
  await using door = await openDoor();
  const client = clientOf(door);
  const ofGroup = { group: "film/1", maxAttempts: 1 };
  await client.submit("one", { key: "one", ...ofGroup });
  await client.submit("fail: no", { key: "two", ...ofGroup });
  await client.submit("later", { key: "three", hold: true, ...ofGroup });
  using _worker = await openEchoWorker(door.api);
  await Promise.all(["one", "two"].map((key) => client.wait(key)));
  expect(await client.groups.get("film/1")).toMatchObject({
    total: 3,
    jobs: { done: 1, failed: 1 },
  });
  expect(await client.groups.retryFailed("film/1")).toMatchObject({ changed: 1 });
  expect(await client.groups.cancel("film/1")).toMatchObject({ refused: 0 });
  const tar = await client.groups.results("film/1");
  const archive = new Bun.Archive(
    new Uint8Array(
      await new Response(tar as ConstructorParameters<typeof Response>[0]).arrayBuffer(),
    ),
  );
  expect([...(await archive.files()).keys()]).toEqual(["manifest.ndjson", "one"]);
});

test("explain() and logs() tell why a job does not run, and what its workers said", async () => {
  await using door = await openDoor();
  const client = clientOf(door);
  await client.submit("fail: no such city", { key: "trip", maxAttempts: 1 });
  expect((await client.explain("trip")).reasons.map(({ code }) => code)).toContain("no-worker");
  const followed = textOf(await client.logs("trip", { follow: true }));
  using _worker = await openEchoWorker(door.api);
  expect(await followed).toContain("no such city");
  expect(await textOf(await client.logs("trip"))).toBe(await followed);
});

test("worker(), drain(), undrain() and kick() look after a worker", async () => {
  await using door = await openDoor();
  const client = clientOf(door);
  using worker = await openEchoWorker(door.api);
  await client.wait((await client.submit("x")).key);
  expect(await client.worker("w1")).toMatchObject({ name: "worker", done_count: 1 });
  expect(await client.drain("w1")).toMatchObject({ state: "draining" });
  expect(await client.undrain("w1")).toMatchObject({ state: "ready" });
  await client.kick("w1");
  await worker.closed();
  expect(await client.worker("nobody").catch(({ code }) => code)).toBe("no-such-worker");
});
