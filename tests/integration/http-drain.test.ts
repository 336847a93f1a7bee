import { expect, test } from "bun:test";
import type { WireWorker } from "../../src/protocol/http-api.ts";
import { openDoor } from "../support/http-door.ts";
import { openWorker } from "../support/ws-worker.ts";

const post = { method: "POST" };

test("POST drain gives a worker nothing new, also when it comes back, until undrain", async () => {
  await using door = await openDoor();
  {
    using worker = await openWorker(door.api);
    await door.call("/jobs/submit?key=first", { ...post, body: "first" });
    expect(await worker.nextPayload()).toBe("first");
    const drained = (await (await door.call("/workers/w1/drain", post)).json()) as WireWorker;
    expect(drained.state).toBe("draining");
    worker.send(new TextEncoder().encode("done"));
    expect((await door.call("/jobs/first/result?wait_s=10")).status).toBe(200);
  }
  using worker = await openWorker(door.api);
  await door.call("/jobs/submit?key=second", { ...post, body: "second" });
  const explained = await (await door.call("/jobs/second/explain")).json();
  expect(explained).toMatchObject({ workers: [{ code: "draining", is_fit: false }] });
  expect((await door.call("/workers/w1/undrain", post)).status).toBe(200);
  expect(await worker.nextPayload()).toBe("second");
});
