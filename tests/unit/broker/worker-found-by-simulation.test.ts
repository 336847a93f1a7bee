// Bugs of the newer worker protocol that a seed of the simulation found, each as small as it can be made.

import { expect, test } from "bun:test";
import { lostMsMinAfterStart } from "../../../src/domain/limits.ts";
import { encodeMessage, type MessageHeader } from "../../../src/protocol/frame.ts";
import { aBroker, settle } from "../../support/a-broker.ts";
import { aBrokerWorker, proofOf, type BrokerWorker } from "../../support/broker-worker.ts";

/** A worker whose job was given up for its silence while its connection stood. */
async function aSilentWorker() {
  const grid = aBroker();
  await grid.broker.start();
  const worker = aBrokerWorker(grid.broker);
  await worker.join();
  await grid.submit("a");
  await worker.say("beat", { holding: [[worker.job().job, 1, "running"]] });
  for (let passed = 0; passed <= lostMsMinAfterStart; passed += 5_000) {
    grid.clock.advance(5_000);
    await settle();
  }
  const changes = async () => {
    const { events } = await grid.broker.history({ by: "key", key: "a" });
    return events.map(({ change }) => change).join(" ");
  };
  expect(await changes()).toBe("submitted claimed lost");
  return { worker, changes };
}

/** In one turn, as what was held up on the way arrives. */
async function sayAtOnce({ connection }: BrokerWorker, headers: readonly MessageHeader[]) {
  for (const header of headers) connection.frame(encodeMessage(header));
  await settle();
}

for (const [op, end] of [
  ["fail", "failed"],
  ["release", "released claimed"],
  ["ended", "released claimed"],
] as const) {
  test(`"${op}" ends an attempt that is just being taken up again: it is not left with nobody`, async () => {
    const { worker, changes } = await aSilentWorker();
    const job = worker.job();
    await sayAtOnce(worker, [
      { op: "beat", holding: [[job.job, 1, "running"]] },
      { op, ...proofOf(job), ...(op === "release" && { why: "preempted" }) },
    ]);
    expect(await changes()).toBe(`submitted claimed lost reopened ${end}`);
  });
}
