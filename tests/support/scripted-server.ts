// The server's end of worker sockets as a script: a test says what it says, and waits for what the worker says.
// Real sockets and the real framing; no rules at all.

import type { Server, ServerWebSocket } from "bun";
import { decodeFrame, encodeMessage, type MessageHeader } from "../../src/protocol/frame.ts";
import { parseHeld, parseWorkerMessage } from "../../src/protocol/worker-messages.ts";
import type {
  HeldAttempt,
  HeldVerdict,
  WorkerOp,
  WorkerSays,
} from "../../src/protocol/worker-messages.ts";

type Of<Op extends WorkerOp> = Extract<WorkerSays, { readonly op: Op }>;
export type Heard<Op extends WorkerOp = WorkerOp> = {
  readonly said: Of<Op>;
  readonly header: MessageHeader;
  readonly body: Uint8Array;
};

/** One socket of a worker. */
export type Line = {
  /** The next message with this op; what came before it and was not asked for is passed over. */
  next<Op extends WorkerOp>(op: Op): Promise<Heard<Op>>;
  /** The next `count` results and failures, by the job they are about. */
  endings(count: number): Promise<ReadonlyMap<string, Heard<"result"> | Heard<"fail">>>;
  /** All ops that came so far, in order. */
  readonly ops: string[];
  send(header: MessageHeader, body?: Uint8Array | string): void;
  sendRaw(frame: Uint8Array | string): void;
  /** Hears hello, answers with a welcome, and hears ready. */
  greet(
    options?: Greeting,
  ): Promise<{ readonly held: readonly HeldAttempt[]; readonly window: number }>;
  job(job: JobSpec): { readonly job: string; readonly attempt: number; readonly token: string };
  receipt(name: { readonly job: string; readonly attempt: number }, verdict?: string): void;
  close(code: number, reason?: string): void;
  /** As a cut cable would. */
  terminate(): void;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
};

export type Greeting = {
  readonly verdicts?: readonly HeldVerdict[];
  readonly heartbeatMs?: number;
  readonly bodyBytesMax?: number;
};

export type JobSpec = {
  readonly id?: string;
  readonly attempt?: number;
  readonly payload?: string | Uint8Array;
  readonly fields?: { readonly [field: string]: string | number };
};

export type ScriptedServer = AsyncDisposable & {
  readonly url: string;
  /** The next socket that is opened. */
  line(): Promise<Line>;
  lineCount(): number;
  readonly upgrades: Headers[];
};

export type ScriptOptions = {
  /** Null takes the upgrade; a response refuses it. */
  readonly answerUpgrade?: (request: Request) => Response | null;
  /** The subprotocol of the answer. */
  readonly protocol?: string;
  readonly http?: (request: Request, server: Server<unknown>) => Response | Promise<Response>;
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
};

type Data = { line: ReturnType<typeof createLine> | null };

export function startScriptedServer(options: ScriptOptions = {}): ScriptedServer {
  const lines = createQueue<Line>();
  const upgrades: Headers[] = [];
  const server = Bun.serve<Data>({
    port: options.port ?? 0,
    hostname: "127.0.0.1",
    maxRequestBodySize: 2 ** 40,
    idleTimeout: 60,
    ...(options.tls !== undefined && { tls: options.tls }),
    async fetch(request, self) {
      const { pathname } = new URL(request.url);
      if (pathname !== "/api/worker") {
        return options.http?.(request, self) ?? new Response("no route", { status: 404 });
      }
      upgrades.push(request.headers);
      const refused = options.answerUpgrade?.(request) ?? null;
      if (refused !== null) return refused;
      const headers = { "sec-websocket-protocol": options.protocol ?? "gridlike.v2" };
      const data: Data = { line: null };
      if (self.upgrade(request, { data, headers })) return undefined;
      return new Response("no upgrade", { status: 400 });
    },
    websocket: {
      open(ws) {
        ws.data.line = createLine(ws);
        lines.put(ws.data.line.line);
      },
      message: (ws, frame) => ws.data.line?.hear(frame),
      close: (ws, code, reason) => ws.data.line?.end(code, reason),
    },
  });
  return {
    url: server.url.href,
    line: () => lines.take(),
    lineCount: () => upgrades.length,
    upgrades,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

let jobCount = 0;

function createLine(ws: ServerWebSocket<Data>) {
  const heard = createQueue<Heard>();
  const ops: string[] = [];
  const closed = Promise.withResolvers<{ readonly code: number; readonly reason: string }>();
  const line: Line = {
    ops,
    async next(op) {
      for (;;) {
        const message = await heard.take();
        if (message.said.op === op) return message as unknown as Heard<typeof op>; // Just compared.
      }
    },
    async endings(count) {
      const found = new Map<string, Heard<"result"> | Heard<"fail">>();
      while (found.size < count) {
        const message = await heard.take();
        const { op } = message.said;
        // Which of the two it is, its reader sees by `op`.
        if (op === "result" || op === "fail")
          found.set(message.said.job, message as Heard<"result">);
      }
      return found;
    },
    send(header, body = new Uint8Array(0)) {
      const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
      ws.sendBinary(encodeMessage(header, bytes));
    },
    sendRaw: (frame) => void ws.send(frame),
    async greet({ verdicts = [], heartbeatMs = 10_000, bodyBytesMax = 64 * 1024 } = {}) {
      const hello = await line.next("hello");
      const welcome = { op: "welcome", server: "scripted", incarnation: 1, lease_ms: 600_000 };
      line.send(
        { ...welcome, heartbeat_ms: heartbeatMs, frame_body_bytes_max: bodyBytesMax, features: [] },
        verdicts.map((verdict) => `${JSON.stringify(verdict)}\n`).join(""),
      );
      const ready = await line.next("ready");
      return { held: parseHeld(hello.body), window: ready.said.window };
    },
    job({ id, attempt = 1, payload = "payload", fields = {} }) {
      jobCount += 1;
      const job = id ?? `0190-job-${jobCount}`;
      const token = sha256(`token of ${job} ${attempt}`);
      const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
      const { length: size } = bytes;
      const about = { op: "job", job, attempt, token, key: `key of ${job}`, type: "t" };
      const header = { ...about, priority: "batch", size, sha256: sha256(bytes), ...fields };
      line.send(header, "url" in fields ? new Uint8Array(0) : bytes);
      return { job, attempt, token };
    },
    receipt({ job, attempt }, verdict = "committed") {
      line.send({ op: "receipt", job, attempt, verdict });
    },
    close: (code, reason) => ws.close(code, reason),
    terminate: () => ws.terminate(),
    closed: closed.promise,
  };
  return {
    line,
    hear(frame: string | Buffer) {
      if (typeof frame === "string") throw new Error(`A text frame came: ${frame}`);
      for (const { header, body } of decodeFrame(new Uint8Array(frame))) {
        const said = parseWorkerMessage(header);
        if (said === "unknown-op") throw new Error(`An unknown op came: ${header.op}`);
        ops.push(said.op);
        heard.put({ said, header, body });
      }
    },
    end: (code: number, reason: string) => closed.resolve({ code, reason }),
  };
}

export function sha256(bytes: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function createQueue<T>() {
  const values: T[] = [];
  const takers: ((value: T) => void)[] = [];
  return {
    put(value: T) {
      const taker = takers.shift();
      if (taker === undefined) values.push(value);
      else taker(value);
    },
    take: (): Promise<T> =>
      values.length > 0
        ? Promise.resolve(values.shift()!)
        : new Promise((resolve) => takers.push(resolve)),
  };
}
