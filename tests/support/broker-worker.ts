// A v2 worker on a broker without sockets: what it says goes in as frames, what it is told is kept as it came.

import type { Broker, WorkerConnection } from "../../src/broker/broker.ts";
import { encodeMessage, type MessageHeader } from "../../src/protocol/frame.ts";
import type { HeldVerdict, ServerSays } from "../../src/protocol/worker-messages.ts";
import { settle } from "./a-broker.ts";

type Told = {
  readonly header: ServerSays & { readonly re?: number };
  readonly text: string;
};
type TheJob = Extract<ServerSays, { op: "job" }>;

export type BrokerWorker = {
  readonly connection: WorkerConnection;
  /** All that it was told, with pings and closes, in a few words each. */
  readonly log: string[];
  readonly told: Told[];
  /** Answers pings, or does not. */
  answersPings: boolean;
  /** In one frame; resolves when everything that follows from it has happened. */
  say(op: string, fields?: Record<string, unknown>, body?: string): Promise<void>;
  hello(fields?: Record<string, unknown>, held?: readonly object[]): Promise<void>;
  /** Hello and ready. */
  join(window?: number, fields?: Record<string, unknown>, held?: readonly object[]): Promise<void>;
  /** The newest job that it was given. */
  job(): TheJob;
  jobs(): readonly TheJob[];
  result(bytes: string, job?: TheJob): Promise<void>;
  fail(fields?: Record<string, unknown>, job?: TheJob): Promise<void>;
  /** Verdicts of the newest welcome or held. */
  verdicts(): readonly HeldVerdict["do"][];
  receipts(): readonly string[];
  closed(): Promise<void>;
};

let socketCount = 0;

export function aBrokerWorker(broker: Broker, id = "w"): BrokerWorker {
  socketCount += 1;
  const log: string[] = [];
  const told: Told[] = [];
  const connection = broker.attachWorker({
    connection: `w${socketCount}`,
    address: "127.0.0.1",
    send(header, body) {
      told.push({ header, text: body === undefined ? "" : new TextDecoder().decode(body) });
      log.push(inWords(header));
    },
    ping() {
      log.push("ping");
      if (worker.answersPings) queueMicrotask(() => connection.signOfLife());
    },
    pause: () => void log.push("pause"),
    resume: () => void log.push("resume"),
    close: (code, reason) => void log.push(`close ${code} ${reason}`),
  });
  const jobs = () => told.flatMap(({ header }) => (header.op === "job" ? [header] : []));
  const last = () => {
    const job = jobs().at(-1);
    if (job === undefined) throw new Error(`It was given no job: ${log.join(", ")}`);
    return job;
  };
  const worker: BrokerWorker = {
    connection,
    log,
    told,
    answersPings: true,
    async say(op, fields = {}, body = "") {
      const header = { op, ...fields } as MessageHeader;
      connection.frame(encodeMessage(header, new TextEncoder().encode(body)));
      await settle();
    },
    async hello(fields = {}, held = []) {
      const who = { worker_id: id, name: `worker ${id}`, boot_id: "the-first-boot-id" };
      const lines = held.map((line) => `${JSON.stringify(line)}\n`).join("");
      await worker.say("hello", { ...who, slots: 1, ...fields }, lines);
    },
    async join(window = 1, fields = {}, held = []) {
      await worker.hello(fields, held);
      await worker.say("ready", { window });
    },
    job: last,
    jobs,
    async result(bytes, job = last()) {
      const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
      const size = Buffer.byteLength(bytes);
      await worker.say("result", { ...proofOf(job), sha256, size }, bytes);
    },
    fail: (fields = {}, job = last()) => worker.say("fail", { ...proofOf(job), ...fields }),
    verdicts() {
      const answer = told.findLast(({ header: { op } }) => op === "welcome" || op === "held");
      const lines = answer?.text.split("\n").filter((line) => line !== "") ?? [];
      return lines.map((line) => (JSON.parse(line) as HeldVerdict).do);
    },
    receipts: () =>
      told.flatMap(({ header }) =>
        header.op === "receipt" ? [`${header.attempt} ${header.verdict}`] : [],
      ),
    async closed() {
      connection.closed();
      await settle();
    },
  };
  return worker;
}

/** What proves news of a job. */
export function proofOf({ job, attempt, token }: TheJob) {
  return { job, attempt, token };
}

function inWords(header: ServerSays): string {
  switch (header.op) {
    case "job":
      return `job ${header.key}#${header.attempt}`;
    case "receipt":
      return `receipt ${header.verdict}`;
    case "cancel":
      return `cancel ${header.why}`;
    case "bye":
      return `bye ${header.why}`;
    case "refused":
      return `refused ${header.code}`;
    default:
      return header.op;
  }
}
