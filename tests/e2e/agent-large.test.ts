// A large payload through an agent and back as the result: it passes through the memory of both ends in pieces. The
// gigabyte is part of `bun tests/e2e/blips/campaign.ts`.

import { beforeAll, expect, test } from "bun:test";
import { buildOnce } from "../support/binary.ts";
import { runLarge } from "./blips/large.ts";

let binary = "";
beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);

test("128 MiB go through an agent and back, and neither process holds more than a part of them", async () => {
  const { problems, figures } = await runLarge({ binary, mib: 128 });
  console.log(JSON.stringify(figures));
  expect(problems).toEqual([]);
  expect(figures.serverPeakMib).toBeLessThan(150);
  expect(figures.agentPeakMib).toBeLessThan(150);
  expect(figures.serverGrowthMib).toBeLessThan(96);
  expect(figures.agentGrowthMib).toBeLessThan(96);
}, 60_000);
