// The worker's end of the wire, against a server under test: its sockets, and its calls by HTTP.

import { request as httpRequest } from "node:http";
import type { Act, Heard, HttpAnswer, Wire } from "./play-transcript.ts";
import { play } from "./play-transcript.ts";
import { textOf, type Values } from "./placeholders.ts";
import type { ActLine, ConnectLine, Line } from "./transcript-lines.ts";
import { bytesOf } from "./vectors.ts";

/**
 * Plays the worker of `lines` against the server whose worker socket is at `url` (ws://…/api/worker). What people do in
 * between is done by `act`: `actByApi()`, or nothing where the conversation needs nobody. Rejects with the line that
 * the server did not keep to.
 */
export async function playTranscript(
  lines: readonly Line[],
  url: string,
  token: string,
  act: Act = async () => {},
): Promise<void> {
  await using wire = createWorkerWire(url, token);
  await play({ lines, side: "worker", wire, act, isChatter: () => false, sockets: "all" });
}

/** Does by the API of a server what people do in a transcript; `restart` is left to the test. */
export function actByApi(
  api: string,
  apiKey: string,
  restart: () => Promise<void> = async () => {
    throw new Error("This server is not restarted.");
  },
): Act {
  const call = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(api + path, { ...init, headers: { "X-API-KEY": apiKey } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const post = (path: string) => call(path, { method: "POST" });
  return async (line, values) => {
    switch (line.event) {
      case "submit":
        return submit(call, line, values);
      case "cancel":
      case "delete":
        return void (await post(`/jobs/${line.key}/${line.event}`));
      case "drain":
      case "undrain": {
        const worker = encodeURIComponent(values.fillText(line.worker));
        return void (await post(`/workers/${worker}/${line.event}`));
      }
      case "look":
        return look(call, line, values);
      case "restart":
        return restart();
      case "finish":
      case "stop": // The player ends its jobs, and stops, when the transcript says so.
    }
  };
}

type Call = (path: string, init?: RequestInit) => Promise<Response>;

async function submit(
  call: Call,
  line: Extract<ActLine, { event: "submit" }>,
  values: Values,
): Promise<void> {
  const query = new URLSearchParams({ key: line.key });
  for (const [name, value] of Object.entries(line.options ?? {})) query.set(name, textOf(value));
  const body = new Uint8Array(bytesOf(line, values));
  await call(`/jobs/submit?${query.toString()}`, { method: "POST", body });
}

async function look(
  call: Call,
  line: Extract<ActLine, { event: "look" }>,
  values: Values,
): Promise<void> {
  const job = (await (await call(`/jobs/${line.key}`)).json()) as { readonly status: string };
  if (job.status !== line.status) throw new Error(`The job is ${job.status}, not ${line.status}.`);
  if (line.status !== "done") return;
  const result = await (await call(`/jobs/${line.key}/result`)).bytes();
  if (!Buffer.from(result).equals(bytesOf(line, values))) throw new Error("The result is another.");
}

function createWorkerWire(url: string, token: string): Wire {
  const sockets = new Map<number, { readonly socket: WebSocket; readonly heard: Queue<Heard> }>();
  const socketOf = (number: number) => {
    const found = sockets.get(number);
    if (found === undefined) throw new Error(`Socket ${number} is not open.`);
    return found;
  };
  let answer: Promise<HttpAnswer> | null = null;
  return {
    async connect(line) {
      const headers = { "X-API-KEY": line.token === "right" ? token : `${token}-wrong` };
      if (line.status !== 101) return expectRefusal(url, headers, line);
      const socket = new WebSocket(url, { protocols: [...line.offers], headers });
      sockets.set(line.socket, { socket, heard: hearing(socket) });
      await opened(socket);
      if ((socket.protocol || null) !== line.protocol) {
        throw new Error(`The server chose "${socket.protocol}", not ${line.protocol}.`);
      }
    },
    say: (number, data) => socketOf(number).socket.send(data),
    hear: (number) => socketOf(number).heard.next(),
    async close(number, code) {
      const { socket, heard } = socketOf(number);
      socket.close(code);
      while ((await heard.next()).kind !== "closed");
    },
    async cut(number) {
      const { socket, heard } = socketOf(number);
      socket.terminate();
      while ((await heard.next()).kind !== "closed");
    },
    request({ method, path, headers, bytes }) {
      const address = new URL(path, url.replace(/^ws/, "http"));
      const body = method === "GET" ? {} : { body: new Uint8Array(bytes) };
      const asked = fetch(address, { method, headers, ...body });
      answer = asked.then(async (came) => ({ status: came.status, bytes: await came.bytes() }));
    },
    async answered() {
      if (answer === null) throw new Error("Nothing was requested.");
      return answer;
    },
    requested: refuseServerSide,
    answer: refuseServerSide,
    async [Symbol.asyncDispose]() {
      for (const { socket } of sockets.values()) socket.terminate();
      await answer?.catch(() => {});
    },
  };
}

function refuseServerSide(): never {
  throw new Error("A worker is not asked for anything by HTTP.");
}

function hearing(socket: WebSocket): Queue<Heard> {
  const heard = createQueue<Heard>();
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) =>
    heard.push(
      typeof data === "string"
        ? { kind: "text", text: data }
        : { kind: "frame", bytes: new Uint8Array(data as ArrayBuffer) },
    ),
  );
  socket.addEventListener("close", ({ code }) => heard.push({ kind: "closed", code }));
  return heard;
}

async function opened(socket: WebSocket): Promise<void> {
  const answer = Promise.withResolvers<void>();
  socket.addEventListener("open", () => answer.resolve());
  socket.addEventListener("error", (event) => {
    answer.reject(new Error(`The upgrade failed: ${event.message}`));
  });
  await answer.promise;
}

/** WebSocket does not tell what an upgrade was answered with; a request does. */
async function expectRefusal(
  url: string,
  credentials: { readonly [name: string]: string },
  { offers, status, code }: ConnectLine,
): Promise<void> {
  const answered = Promise.withResolvers<{ readonly status: number; readonly text: string }>();
  const headers = {
    ...credentials,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": offers.join(", "),
  };
  const asked = httpRequest(url.replace(/^ws/, "http"), { headers }, (came) => {
    let text = "";
    came.setEncoding("utf8");
    came.on("data", (piece: string) => (text += piece));
    came.on("end", () => answered.resolve({ status: came.statusCode ?? 0, text }));
  });
  asked.on("upgrade", (_, socket) => {
    socket.destroy();
    answered.resolve({ status: 101, text: "" });
  });
  asked.on("error", (error) => answered.reject(error));
  asked.end();
  const came = await answered.promise;
  if (came.status !== status) throw new Error(`The upgrade was answered with ${came.status}.`);
  const problem = JSON.parse(came.text) as { readonly code?: string };
  if (problem.code !== code) throw new Error(`The problem's code is "${problem.code}".`);
}

export type Queue<T> = { push(one: T): void; next(): Promise<T> };

/** What came and was not asked for yet, in order. */
export function createQueue<T>(): Queue<T> {
  const waiting: T[] = [];
  const askers: ((one: T) => void)[] = [];
  return {
    push(one) {
      const asker = askers.shift();
      if (asker === undefined) waiting.push(one);
      else asker(one);
    },
    next: () =>
      new Promise((resolve) => {
        const one = waiting.shift();
        if (one === undefined) askers.push(resolve);
        else resolve(one);
      }),
  };
}
