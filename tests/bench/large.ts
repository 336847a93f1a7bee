// One job of a gigabyte in and out by HTTP, several at once, and clients that read slowly or vanish: speed, and the
// server's memory at its peak.
//
//   bun tests/bench/large.ts --binary dist/gridlike --mib 1024 --at-once 3 --runs 5

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { spreadOf } from "./figures.ts";
import { readMemory } from "./processes.ts";
import { startServer, type BenchServer } from "./server.ts";

const { values } = parseArgs({
  options: {
    binary: { type: "string", default: "dist/gridlike" },
    directory: { type: "string", default: "/tmp" },
    mib: { type: "string", default: "1024" },
    "at-once": { type: "string", default: "3" },
    runs: { type: "string", default: "5" },
  },
});
const mib = Number(values.mib);
const chunk = crypto.getRandomValues(new Uint8Array(65_536));

/** No two pieces, and no two jobs, are equal. */
function noise(seed: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= mib * 16) return controller.close();
      const piece = new Uint8Array(chunk);
      new DataView(piece.buffer).setUint32(0, seed * 1e6 + sent);
      sent += 1;
      controller.enqueue(piece);
    },
  });
}

async function upload({ url, apiKey }: BenchServer, key: string, seed: number): Promise<void> {
  const answer = await fetch(`${url}/api/jobs/submit?key=${key}`, {
    method: "POST",
    headers: { "X-API-KEY": apiKey },
    body: noise(seed),
  });
  if (answer.status !== 202) throw new Error(await answer.text());
}

async function download({ url, apiKey }: BenchServer, key: string): Promise<void> {
  const answer = await fetch(`${url}/api/jobs/${key}/payload`, {
    headers: { "X-API-KEY": apiKey },
  });
  let size = 0;
  for await (const piece of answer.body!) size += piece.length;
  if (size !== mib * 1024 * 1024) throw new Error(`${size} bytes came back`);
}

/** Takes the head of the answer and some bytes, then reads nothing for a while and goes away. */
async function vanish({ url, apiKey }: BenchServer, key: string): Promise<void> {
  const stop = new AbortController();
  const headers = { "X-API-KEY": apiKey };
  const answer = await fetch(`${url}/api/jobs/${key}/payload`, { headers, signal: stop.signal });
  const reader = answer.body!.getReader();
  await reader.read();
  await Bun.sleep(500);
  stop.abort();
  await reader.cancel().catch(() => {});
}

const seconds = async (work: Promise<unknown>) => {
  const startedAt = performance.now();
  await work;
  return (performance.now() - startedAt) / 1000;
};

type Run = { inRate: number; outRate: number; oneMib: number; manyMib: number };
const runs: Run[] = [];
for (let run = 0; run < Number(values.runs); run += 1) {
  const server = await startServer({
    binary: resolve(values.binary),
    directory: values.directory,
    durability: "power",
  });
  try {
    const inS = await seconds(upload(server, "one", 1));
    const outS = await seconds(download(server, "one"));
    const oneMib = readMemory(server.pid).peakMib;
    const keys = Array.from({ length: Number(values["at-once"]) }, (_, index) => `many-${index}`);
    await Promise.all(keys.map((key, index) => upload(server, key, index + 2)));
    await Promise.all(keys.map((key) => download(server, key)));
    await Promise.all(keys.flatMap((key) => [vanish(server, key), vanish(server, key)]));
    const manyMib = readMemory(server.pid).peakMib;
    runs.push({ inRate: mib / inS, outRate: mib / outS, oneMib, manyMib });
  } finally {
    await server.stop();
  }
}
const show = (name: keyof Run) => {
  const { median, min, max } = spreadOf(runs.map((run) => run[name]));
  return `${Math.round(median)} (${Math.round(min)}–${Math.round(max)})`;
};
console.log(`${mib} MiB; medians of ${runs.length} runs (min–max)`);
console.log(`in        ${show("inRate")} MiB/s, synced`);
console.log(`out       ${show("outRate")} MiB/s`);
console.log(`memory    ${show("oneMib")} MiB peak for one`);
console.log(
  `          ${show("manyMib")} MiB peak with ${values["at-once"]} at once and twice as many that vanished`,
);
