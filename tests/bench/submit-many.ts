// How fast jobs are taken in by the bulk route: one request of NDJSON with payloads of 1 KiB, made while it is sent,
// its answer read while it comes. Counts what is acknowledged, which is on disk by then, and closes with the end line.
//
//   bun tests/bench/submit-many.ts --binary dist/gridlike --count 100000 --runs 5

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { spreadOf } from "./figures.ts";
import { cpuPer, readCpu, readMemory } from "./processes.ts";
import { startServer, type BenchServer } from "./server.ts";

const payloadBytes = 1024;
const linesPerPiece = 64;

const { values } = parseArgs({
  options: {
    binary: { type: "string", default: "dist/gridlike" },
    directory: { type: "string", default: "/tmp" },
    count: { type: "string", default: "100000" },
    runs: { type: "string", default: "5" },
    group: { type: "boolean", default: false },
  },
});
const count = Number(values.count);
const runs = [];
for (let run = 0; run < Number(values.runs); run += 1) runs.push(await measure());
const rate = spreadOf(runs.map(({ rate: each }) => each));
const cpu = spreadOf(runs.map(({ cpuUs }) => cpuUs));
const peak = spreadOf(runs.map(({ peakMib }) => peakMib));
const idle = spreadOf(runs.map(({ idleMib }) => idleMib));
console.log(`${count} jobs of ${payloadBytes} bytes in one request, ${runs.length} runs`);
console.log(
  `jobs/s    ${Math.round(rate.median)} (${Math.round(rate.min)}-${Math.round(rate.max)})`,
);
console.log(`µs/job    ${cpu.median.toFixed(1)} of CPU in the server`);
console.log(`memory    ${Math.round(idle.median)} MiB before, ${Math.round(peak.median)} MiB peak`);

async function measure() {
  const server = await startServer({
    binary: resolve(values.binary),
    directory: values.directory,
    durability: "power",
  });
  try {
    const { residentMib: idleMib } = readMemory(server.pid);
    const before = readCpu(server.pid);
    const startedAt = performance.now();
    const end = await submit(server);
    const seconds = (performance.now() - startedAt) / 1000;
    const after = readCpu(server.pid);
    if (end !== `{"end":true,"accepted":${count},"refused":0}`) throw new Error(end);
    const { us: cpuUs } = cpuPer(count, before, after);
    return { rate: count / seconds, cpuUs, idleMib, peakMib: readMemory(server.pid).peakMib };
  } finally {
    await server.stop();
  }
}

/** Answers with the last line. */
async function submit({ url, apiKey }: BenchServer): Promise<string> {
  const answer = await fetch(`${url}/api/jobs/submit-many${values.group ? "?group=bench" : ""}`, {
    method: "POST",
    headers: { "X-API-KEY": apiKey, "Content-Type": "application/x-ndjson" },
    body: lines(),
  });
  if (answer.status !== 202 || answer.body === null) {
    throw new Error(`${answer.status} ${await answer.text()}`);
  }
  let tail = "";
  const decoder = new TextDecoder();
  for await (const piece of answer.body) {
    tail = (tail + decoder.decode(piece, { stream: true })).slice(-200);
  }
  return tail.trimEnd().split("\n").at(-1) ?? "";
}

function lines(): ReadableStream<Uint8Array> {
  const payload = "x".repeat(payloadBytes);
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      let text = "";
      for (let n = 0; n < linesPerPiece && sent < count; n += 1) {
        text += `{"key":"job-${sent}","payload":"${payload}"}\n`;
        sent += 1;
      }
      if (text !== "") controller.enqueue(new TextEncoder().encode(text));
      if (sent === count) controller.close();
    },
  });
}
