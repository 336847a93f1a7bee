// Workers of either protocol, all in this one process: each answers a payload at once with the same bytes.
// Also the other end of the echo that shows what a frame costs at least.

import { unreachable } from "../../src/domain/assert.ts";
import { decodeFrame, encodeMessage, type MessageHeader } from "../../src/protocol/frame.ts";
import { workerProtocol } from "../../src/protocol/worker-messages.ts";
import { answerAsks, type WorkersAsk } from "./asks.ts";

const readyMessage = JSON.stringify({ code: 1, status: 1 });
/** Of those that connect at a time: the server takes few that have not registered. */
const joiningMax = 32;

let workers: readonly WebSocket[] = [];

answerAsks(async (ask: WorkersAsk) => {
  switch (ask.do) {
    case "join":
      return join(ask);
    case "leave":
      for (const socket of workers) socket.close();
      workers = [];
      return null;
    case "echo":
      return echo(ask);
    default:
      return unreachable(ask);
  }
});

async function join(ask: Extract<WorkersAsk, { do: "join" }>): Promise<null> {
  const { url, token, count, speaks, window } = ask;
  const one = (name: string) =>
    speaks === "v2" ? joinNewer({ url, token, window }, name) : joinOne(url, token, name);
  const joined: WebSocket[] = [];
  while (joined.length < count) {
    const some = Math.min(joiningMax, count - joined.length);
    const names = Array.from({ length: some }, (_, index) => `bench-${joined.length + index}`);
    joined.push(...(await Promise.all(names.map(one))));
  }
  workers = joined;
  return null;
}

/** Resolves when it has told the server for the first time that it is ready. */
function joinOne(url: string, token: string, name: string): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const socket = openSocket(`${url}/api/worker`);
  socket.addEventListener("open", () =>
    socket.send(JSON.stringify({ code: 0, name, id: name, token })),
  );
  socket.addEventListener("message", ({ data }) => {
    if (typeof data !== "string") return socket.send(data);
    socket.send(readyMessage);
    resolve(socket);
  });
  socket.addEventListener("close", ({ reason }) =>
    reject(new Error(`A worker was turned away: ${reason}`)),
  );
  return promise;
}

type Newer = { readonly url: string; readonly token: string; readonly window: number };

/** Resolves when the server has welcomed it. Results of one frame of jobs leave in one frame. */
function joinNewer({ url, token, window }: Newer, name: string): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const address = `${url.replace("http", "ws")}/api/worker`;
  const headers = { "X-API-KEY": token };
  const socket = new WebSocket(address, { protocols: [workerProtocol], headers });
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    const about = { worker_id: name, name, boot_id: crypto.randomUUID(), slots: window };
    socket.send(encodeMessage({ op: "hello", ...about, types: [] }));
  });
  socket.addEventListener("message", ({ data }) => {
    const answers: Uint8Array[] = [];
    for (const { header, body } of decodeFrame(new Uint8Array(data as ArrayBuffer))) {
      if (header.op === "welcome") {
        answers.push(encodeMessage({ op: "ready", window }));
        resolve(socket);
      } else if (header.op === "job") answers.push(echoed(header, body));
    }
    if (answers.length > 0) socket.send(Buffer.concat(answers));
  });
  socket.addEventListener("close", ({ code, reason }) =>
    reject(new Error(`A worker was turned away: ${code} ${reason}`)),
  );
  return promise;
}

function echoed(
  { job, attempt, token, sha256, size }: MessageHeader,
  body: Uint8Array,
): Uint8Array {
  const about = { job: job ?? null, attempt: attempt ?? null, token: token ?? null };
  return encodeMessage(
    { op: "result", ...about, sha256: sha256 ?? null, size: size ?? null },
    body,
  );
}

/** Sends `count` messages of 1 KiB in all, so many in flight on each socket, and takes them back. */
async function echo(ask: Extract<WorkersAsk, { do: "echo" }>): Promise<null> {
  const each = ask.count / ask.sockets;
  const runs = Array.from({ length: ask.sockets }, () => echoOne(ask.url, ask.inFlight, each));
  await Promise.all(runs);
  return null;
}

function echoOne(url: string, inFlight: number, count: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const payload = new Uint8Array(1024).fill(7);
  const socket = openSocket(`${url}/echo`);
  let sent = 0;
  let received = 0;
  const send = () => {
    if (sent === count) return;
    sent += 1;
    socket.send(payload);
  };
  socket.addEventListener("open", () => {
    for (let n = 0; n < inFlight; n += 1) send();
  });
  socket.addEventListener("message", () => {
    received += 1;
    if (received === count) {
      resolve();
      socket.close();
    } else send();
  });
  socket.addEventListener("close", () => reject(new Error("The echo ended early.")));
  return promise;
}

function openSocket(url: string): WebSocket {
  const socket = new WebSocket(url.replace("http", "ws"));
  socket.binaryType = "arraybuffer";
  return socket;
}
