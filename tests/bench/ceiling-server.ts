// The least that a server can do: Bun's own, without routes, checks or a disk. What it costs is what ours cannot
// go below. Its answers have the size of the real ones.

import { answerAsks } from "./asks.ts";

const result = new Uint8Array(1024);
const created = JSON.stringify({
  created: "0198c0de-0000-7000-8000-000000000000",
  id: "0198c0de-0000-7000-8000-000000000000",
  seq: 1,
});

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  async fetch(request, self): Promise<Response | undefined> {
    if (request.method === "POST") {
      await request.arrayBuffer();
      return new Response(created, {
        status: 202,
        headers: { "Content-Type": "application/json" },
      });
    }
    if (request.headers.has("upgrade") && self.upgrade(request)) return undefined;
    return new Response(result);
  },
  websocket: {
    perMessageDeflate: false,
    message: (socket, message) => void socket.send(message),
  },
});

answerAsks(() => Promise.resolve(`http://127.0.0.1:${server.port}`));
