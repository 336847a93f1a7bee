// The load generator, a process of its own: submits jobs of 1 KiB by fetch and takes their results. Each result is
// compared with its payload, so that a server that answers nonsense is not the fastest.

import { answerAsks, type LoadAnswer, type LoadAsk } from "./asks.ts";
import { percentilesOf } from "./figures.ts";

const payloadBytes = 1024;
const boundary = "gridlike-bench-7d1f0c";

answerAsks(run);

async function run(ask: LoadAsk): Promise<LoadAnswer> {
  const times: number[] = [];
  const startedAt = performance.now();
  await (ask.pattern === "bulk" ? runBulk(ask, times) : runWindow(ask, times));
  return { seconds: (performance.now() - startedAt) / 1_000, ms: percentilesOf(times) };
}

/** So many at a time, each from its submission to its result. */
function runWindow(ask: LoadAsk, times: number[]): Promise<void> {
  const requests = createRequests(ask);
  const one = {
    window: async (n: number) => requests.collect(await requests.submit(n), n),
    post: (n: number) => requests.submit(n),
    get: (n: number) => requests.collect("any", n),
    bulk: () => Promise.reject(new Error("This is not a window.")),
  }[ask.pattern];
  return inLanes(ask, async (n) => {
    const startedAt = performance.now();
    await one(n);
    times.push(performance.now() - startedAt);
  });
}

/** Submits without waiting for results, which others take in the same order. */
async function runBulk(ask: LoadAsk, times: number[]): Promise<void> {
  const { submit, collect } = createRequests(ask);
  const jobs = Array.from({ length: ask.count }, () =>
    Promise.withResolvers<{ readonly key: string; readonly startedAt: number }>(),
  );
  const submitAll = inLanes(ask, async (n) => {
    const startedAt = performance.now();
    jobs[n]?.resolve({ key: await submit(n), startedAt });
  });
  const collectAll = inLanes(ask, async (n) => {
    const job = await jobs[n]?.promise;
    if (job === undefined) return;
    await collect(job.key, n);
    times.push(performance.now() - job.startedAt);
  });
  await Promise.all([submitAll, collectAll]);
}

async function inLanes(ask: LoadAsk, one: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < ask.count) {
      const n = next;
      next += 1;
      await one(n);
    }
  };
  await Promise.all(Array.from({ length: ask.inFlight }, lane));
}

function createRequests({ url, apiKey, body: kind, pattern }: LoadAsk) {
  const submitUrl = `${url}/api/jobs/submit`;
  const multipart = {
    "X-API-KEY": apiKey,
    "Content-Type": `multipart/form-data; boundary=${boundary}`,
  };
  const raw = { "X-API-KEY": apiKey, "Content-Type": "application/octet-stream" };
  const headers = kind === "multipart" ? multipart : raw;
  const before = kind === "multipart" ? Buffer.from(formHead) : Buffer.alloc(0);
  const after = kind === "multipart" ? Buffer.from(`\r\n--${boundary}--\r\n`) : Buffer.alloc(0);
  const form = Buffer.concat([before, Buffer.alloc(payloadBytes, "gridlike "), after]);

  return {
    /** Answers the key of the new job. */
    async submit(n: number): Promise<string> {
      const body = new Uint8Array(form);
      new DataView(body.buffer).setFloat64(before.length, n);
      const answer = await fetch(submitUrl, { method: "POST", headers, body });
      if (answer.status !== 202) throw new Error(`submit: ${await said(answer)}`);
      const { created } = (await answer.json()) as { readonly created: string };
      return created;
    },
    async collect(key: string, n: number): Promise<void> {
      const answer = await fetch(`${url}/api/jobs/${key}/result?wait_s=60`, {
        headers: { "X-API-KEY": apiKey },
      });
      if (answer.status !== 200) throw new Error(`result: ${await said(answer)}`);
      const bytes = await answer.arrayBuffer();
      const isWhole = bytes.byteLength === payloadBytes;
      if (!isWhole || (pattern !== "get" && new DataView(bytes).getFloat64(0) !== n)) {
        throw new Error(`The result of job ${n} is not what its payload was.`);
      }
    },
  };
}

const formHead = `--${boundary}\r\nContent-Disposition: form-data; name="payload"; filename="payload"\r\nContent-Type: application/octet-stream\r\n\r\n`;

async function said(answer: Response): Promise<string> {
  return `${answer.status} ${await answer.text()}`;
}
