// A worker of the original protocol on a real socket, that does what a test tells it.

import { workerToken } from "./http-door.ts";

export type WsWorker = Disposable & {
  readonly socket: WebSocket;
  /** Payloads in the order they came; resolves when the next one is there. */
  nextPayload(): Promise<string>;
  send(message: string | Uint8Array): void;
  /** The close code, once it is closed. */
  closed(): Promise<number>;
};

/** Opens a socket that says nothing by itself. */
export async function openSocket(
  url: string,
  headers: Record<string, string> = {},
): Promise<WsWorker> {
  const socket = new WebSocket(url, { headers });
  socket.binaryType = "arraybuffer";
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  const payloads: string[] = [];
  let onPayload = () => {};
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("close", (event) => {
    closed.resolve(event.code);
    opened.reject(new Error(`closed with ${event.code} ${event.reason}`));
    onPayload();
  });
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") {
      if (data === '{"code":2}') socket.send('{"code":1,"status":1}');
      return;
    }
    payloads.push(new TextDecoder().decode(data as ArrayBuffer));
    onPayload();
  });
  await opened.promise;
  return {
    socket,
    async nextPayload() {
      while (payloads.length === 0) {
        if (socket.readyState !== WebSocket.OPEN) throw new Error("The socket is closed.");
        await new Promise<void>((resolve) => {
          onPayload = resolve;
        });
      }
      return payloads.shift() ?? "";
    },
    send: (message) => socket.send(message),
    closed: () => closed.promise,
    [Symbol.dispose]: () => socket.close(),
  };
}

/** Opens one that has registered, and says it is ready whenever it is asked. */
export async function openWorker(api: string, type = "", token = workerToken): Promise<WsWorker> {
  const worker = await openSocket(workerUrl(api, type));
  worker.send(JSON.stringify({ code: 0, name: "worker", id: "w1", token }));
  return worker;
}

export function workerUrl(api: string, type = ""): string {
  return `${api.replace("http", "ws")}/worker${type === "" ? "" : `/${type}`}`;
}
