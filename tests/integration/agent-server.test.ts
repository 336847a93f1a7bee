// The agent and the real server, one against the other: small and large bytes both ways, failures, cancels, TLS.

import { expect, test } from "bun:test";
import { makeSelfSigned } from "../../src/platform/self-signed.ts";
import { pinOf } from "../../src/platform/pin.ts";
import { openPinned } from "../../src/platform/pinned-tls.ts";
import { anAgent, done, heldRunner, noisyFailure, runnerOf } from "../support/an-agent.ts";
import { openDoor, workerToken, type Door, type DoorOptions } from "../support/http-door.ts";

const baseOf = (door: Door) => door.api.replace(/\/api$/, "");

async function aDoor(options: DoorOptions = {}) {
  const door = await openDoor(options);
  return { door, url: baseOf(door), [Symbol.asyncDispose]: () => door[Symbol.asyncDispose]() };
}

/** The payload turned around, whatever its size. */
const backwards = runnerOf(async ({ payload }) => {
  const bytes =
    payload.kind === "bytes"
      ? payload.bytes
      : new Uint8Array(await Bun.file(payload.path).arrayBuffer());
  return done(bytes.toReversed());
});

test("an agent brings back results of any size", async () => {
  await using server = await aDoor();
  await using agent = anAgent({ url: server.url, token: workerToken, runner: backwards });
  const sizes = [0, 1, 65_536, 65_537, 900_000];
  const payloads = sizes.map((size) => new Uint8Array(size).map((_, at) => (at * 7) & 255));
  await Promise.all(
    payloads.map(async (payload, n) => {
      const path = `/jobs/submit?key=job-${n}`;
      expect((await server.door.call(path, { method: "POST", body: payload })).status).toBe(202);
      const answer = await server.door.call(`/jobs/job-${n}/result?wait_s=20`);
      expect([n, answer.status]).toEqual([n, 200]);
      expect(Buffer.compare(await answer.bytes(), payload.toReversed())).toBe(0);
    }),
  );
  agent.drain();
  expect(await agent.done).toEqual({ exitCode: 0, why: "Drained." });
});

test("an agent reports failures, and ends what is cancelled", async () => {
  await using server = await aDoor();
  const held = heldRunner();
  await using _agent = anAgent({ url: server.url, token: workerToken, runner: held.runner });
  await server.door.submit("bad", "x", "&max_attempts=1");
  (await held.next()).end(noisyFailure);
  const bad = await server.door.call("/jobs/bad?wait_s=20");
  expect(await bad.json()).toMatchObject({ status: "failed", info: "It ended with 3." });
  await server.door.submit("long");
  const run = await held.next();
  const stopped = new Promise<void>((resolve) =>
    run.stop.addEventListener("abort", () => resolve()),
  );
  await server.door.call("/jobs/long/cancel", { method: "POST" });
  await stopped;
  await server.door.submit("next");
  (await held.next()).end(done("went on"));
  expect(await (await server.door.call("/jobs/next/result?wait_s=20")).text()).toBe("went on");
});

test("an agent works over TLS with the certificate that fits its pin, large bytes too", async () => {
  const tls = makeSelfSigned("tests", ["localhost"]);
  await using server = await aDoor({ tls });
  const pinned = await openPinned(server.url, pinOf(tls.cert));
  const trust = { token: workerToken, runner: backwards };
  await using agent = anAgent({ url: server.url, tls: pinned, ...trust });
  const payload = new Uint8Array(300_000).map((_, at) => at & 255);
  const init = { method: "POST", body: payload, headers: { "X-API-KEY": "api-key-of-the-tests" } };
  await fetch(`${server.door.api}/jobs/submit?key=a`, { ...init, tls: pinned });
  const { headers } = init;
  const result = await fetch(`${server.door.api}/jobs/a/result?wait_s=20`, {
    headers,
    tls: pinned,
  });
  expect(Buffer.compare(await result.bytes(), payload.toReversed())).toBe(0);
  agent.drain();
  expect((await agent.done).exitCode).toBe(0);
});

test("an agent says nothing to a server whose certificate it does not trust, and says why", async () => {
  await using server = await aDoor({ tls: makeSelfSigned("tests", ["localhost"]) });
  await using agent = anAgent({ url: server.url, token: workerToken });
  while (agent.notices.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(agent.notices[0]).toMatch(/certificate|TLS/i);
});

test("an agent does not start with a token or an address that cannot be right", async () => {
  for (const [given, words] of [
    [{ url: "http://127.0.0.1:1", token: "two\r\nlines" }, "token"],
    [{ url: "nowhere" }, "address"],
  ] as const) {
    await using agent = anAgent(given);
    expect(await agent.done).toEqual({ exitCode: 2, why: expect.stringContaining(words) });
  }
});
