// A v2 worker on a real socket that does what a test tells it: says what it is told to say, and keeps what it hears
// until it is asked for.

import type { Json } from "../../src/domain/errors.ts";
import { decodeFrame, encodeMessage, type MessageHeader } from "../../src/protocol/frame.ts";
import type { HeldAttempt, HeldVerdict } from "../../src/protocol/worker-messages.ts";
import { workerToken } from "./http-door.ts";

export type HeardMessage = {
  readonly header: MessageHeader;
  readonly body: Uint8Array;
  readonly text: string;
  /** The number of the frame that it came in, from 1. */
  readonly frame: number;
};

type Fields = { readonly [name: string]: Json };

/** What a job message says, as far as tests need it. */
export type GivenJob = {
  readonly job: string;
  readonly attempt: number;
  readonly token: string;
  readonly key: string;
  /** Where the payload is, when it does not come along; else "". */
  readonly url: string;
  readonly header: MessageHeader;
  readonly payload: string;
};

export type V2Worker = AsyncDisposable & {
  readonly socket: WebSocket;
  /** Fields beside `op`, in one frame of its own. */
  say(op: string, fields?: Fields, body?: Uint8Array | string): void;
  /** Several messages in one frame. */
  sayTogether(messages: readonly SaidMessage[]): void;
  sendRaw(data: Uint8Array | string): void;
  /** The next message with this op; others stay for those who ask for them. Rejects when the socket is closed. */
  next(op: string): Promise<HeardMessage>;
  /** Messages that came and that nobody asked for. */
  unheard(): readonly HeardMessage[];
  /** Says hello, and resolves with the verdicts. */
  hello(fields?: Fields, held?: readonly Held[]): Promise<readonly HeldVerdict[]>;
  ready(window: number): void;
  nextJob(): Promise<GivenJob>;
  /** Says the result, its hash and size counted. */
  result(job: GivenJob, bytes: string | Uint8Array, fields?: Fields): void;
  fail(job: GivenJob, fields?: Fields): void;
  /** The verdict of the next receipt for this job. */
  receipt(job: Pick<GivenJob, "job" | "attempt">): Promise<string>;
  /** The close code, once it is closed. */
  closed(): Promise<number>;
  /** Tears the connection down without a word. */
  cut(): Promise<void>;
};

export type Held = Partial<HeldAttempt> & Pick<HeldAttempt, "state" | "job" | "attempt" | "token">;
export type SaidMessage = { readonly header: MessageHeader; readonly body?: Uint8Array };

export type V2Options = {
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly protocols?: readonly string[];
};

/** Opens a socket that says nothing by itself. */
export async function openV2(api: string, options: V2Options = {}): Promise<V2Worker> {
  const { token = workerToken, headers = {}, protocols = ["gridlike.v2"] } = options;
  const socket = new WebSocket(`${api.replace("http", "ws")}/worker`, {
    protocols: [...protocols],
    headers: { "X-API-KEY": token, ...headers },
  });
  socket.binaryType = "arraybuffer";
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  const heard: HeardMessage[] = [];
  let isClosed = false;
  let frameCount = 0;
  let onNews = () => {};
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("close", ({ code, reason }) => {
    isClosed = true;
    closed.resolve(code);
    opened.reject(new Error(`closed with ${code} ${reason}`));
    onNews();
  });
  socket.addEventListener("message", ({ data }) => {
    frameCount += 1;
    for (const { header, body } of decodeFrame(new Uint8Array(data as ArrayBuffer))) {
      const text = new TextDecoder().decode(body);
      heard.push({ header, body, text, frame: frameCount });
    }
    onNews();
  });
  await opened.promise;

  const until = async (fits: (message: HeardMessage) => boolean, what: string) => {
    for (;;) {
      const at = heard.findIndex(fits);
      if (at >= 0) return heard.splice(at, 1)[0]!;
      if (isClosed) throw new Error(`The socket was closed with ${await closed.promise}: ${what}`);
      await new Promise<void>((resolve) => {
        const before = onNews;
        onNews = () => {
          before();
          resolve();
        };
      });
    }
  };
  const send = (messages: readonly SaidMessage[]) =>
    socket.send(Buffer.concat(messages.map(({ header, body }) => encodeMessage(header, body))));
  const next = (op: string) => until(({ header }) => header.op === op, op);

  const worker: V2Worker = {
    socket,
    say: (op, fields = {}, body = "") => send([{ header: { op, ...fields }, body: toBytes(body) }]),
    sayTogether: send,
    sendRaw: (data) => socket.send(data),
    next,
    unheard: () => heard,
    async hello(fields = {}, held = []) {
      const lines = held.map((one) => `${JSON.stringify(one)}\n`).join("");
      worker.say("hello", { ...anyone, ...fields }, lines);
      return verdictsOf(await next("welcome"));
    },
    ready: (window) => worker.say("ready", { window }),
    async nextJob() {
      const { header, text } = await next("job");
      const { job, attempt, token: proof, key } = header as unknown as GivenJob;
      const { url } = header;
      const where = typeof url === "string" ? url : "";
      return { job, attempt, token: proof, key, url: where, header, payload: text };
    },
    result(job, bytes, fields = {}) {
      const body = toBytes(bytes);
      const sha256 = new Bun.CryptoHasher("sha256").update(body).digest("hex");
      worker.say("result", { ...proofOf(job), sha256, size: body.length, ...fields }, body);
    },
    fail: (job, fields = {}) => worker.say("fail", { ...proofOf(job), ...fields }),
    async receipt({ job, attempt }) {
      const isOf = ({ header }: HeardMessage) =>
        header.op === "receipt" && header["job"] === job && header["attempt"] === attempt;
      const { verdict } = (await until(isOf, "receipt")).header;
      return typeof verdict === "string" ? verdict : "none";
    },
    closed: () => closed.promise,
    async cut() {
      socket.terminate();
      await closed.promise;
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed.promise;
    },
  };
  return worker;
}

/** Opens one that has said hello and is ready. */
export async function openReady(api: string, window = 1, fields: Fields = {}): Promise<V2Worker> {
  const worker = await openV2(api);
  await worker.hello({ slots: window, ...fields });
  worker.ready(window);
  return worker;
}

const anyone = {
  worker_id: "worker-1",
  name: "lab-3",
  boot_id: "boot-of-the-first-start",
  slots: 1,
};

/** What proves news of a job. */
export function proofOf({ job, attempt, token }: GivenJob) {
  return { job, attempt, token };
}

/** A line of hello. */
export function heldOf(job: GivenJob, state: HeldAttempt["state"]): Held {
  return { ...proofOf(job), state };
}

export function verdictsOf({ text }: HeardMessage): readonly HeldVerdict[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as HeldVerdict);
}

function toBytes(given: Uint8Array | string): Uint8Array {
  return typeof given === "string" ? new TextEncoder().encode(given) : given;
}
