// The server's end of the wire, for a worker under test. It listens on a free port and does nothing by itself.

import type { ServerWebSocket } from "bun";
import type { MessageHeader } from "../../src/protocol/frame.ts";
import {
  play,
  type Act,
  type Heard,
  type HttpAnswer,
  type HttpRequest,
  type Wire,
} from "./play-transcript.ts";
import { createQueue, type Queue } from "./play-worker.ts";
import type { ConnectLine, Line } from "./transcript-lines.ts";

export type ServerPlayer = AsyncDisposable & {
  /** The address of the worker socket. */
  readonly url: string;
  /** Upgrades and requests that came. */
  askedCount(): number;
  /** Rejects with the line that the worker did not keep to. `sockets` are those that this worker opens. */
  play(lines: readonly Line[], act?: Act, sockets?: readonly number[]): Promise<void>;
};

export type ServerPlayerOptions = {
  readonly token: string;
  readonly tls?: { readonly key: string; readonly cert: string };
};

export function createServerPlayer(options: ServerPlayerOptions): ServerPlayer {
  const wire = createServerWire(options);
  return {
    url: wire.url,
    askedCount: wire.askedCount,
    play: (lines, act = async () => {}, sockets = [1]) =>
      play({ lines, side: "server", wire, act, isChatter: isWorkersChatter, sockets }),
    [Symbol.asyncDispose]: wire[Symbol.asyncDispose],
  };
}

/** What a worker may say at any time. */
function isWorkersChatter({ op, window }: MessageHeader): boolean {
  if (op === "ready") return window === 0; // It stops.
  return op === "beat" || op === "started" || op === "progress" || op === "log";
}

type Data = { readonly heard: Queue<Heard> };
type Socket = ServerWebSocket<Data>;

/** An upgrade or a request that waits until the transcript comes to it. */
type Asked = {
  readonly request: Request;
  answer(how: (() => Response | undefined) | Response): void;
};

function createServerWire({
  token,
  tls,
}: ServerPlayerOptions): Wire & Pick<ServerPlayer, "url" | "askedCount"> {
  const sockets = new Map<number, { readonly socket: Socket; readonly heard: Queue<Heard> }>();
  const upgrades = createQueue<Asked>();
  const requests = createQueue<Asked>();
  const opened = createQueue<Socket>();
  let asked: Asked | null = null;
  let askedCount = 0;
  const server = Bun.serve<Data>({
    port: 0,
    hostname: "127.0.0.1",
    ...(tls && { tls: { key: Bun.file(tls.key), cert: Bun.file(tls.cert) } }),
    async fetch(request) {
      askedCount += 1;
      const answer = Promise.withResolvers<(() => Response | undefined) | Response>();
      const queue = request.headers.has("upgrade") ? upgrades : requests;
      queue.push({ request, answer: answer.resolve });
      const how = await answer.promise;
      return typeof how === "function" ? how() : how;
    },
    websocket: {
      idleTimeout: 0,
      perMessageDeflate: false,
      open: (socket) => opened.push(socket),
      message: (socket, data) =>
        socket.data.heard.push(
          typeof data === "string"
            ? { kind: "text", text: data }
            : { kind: "frame", bytes: new Uint8Array(data) },
        ),
      close: (socket, code) => socket.data.heard.push({ kind: "closed", code }),
    },
  });
  const socketOf = (number: number) => {
    const found = sockets.get(number);
    if (found === undefined) throw new Error(`Socket ${number} is not open.`);
    return found;
  };
  return {
    url: `${tls ? "wss" : "ws"}://127.0.0.1:${server.port}/api/worker`,
    askedCount: () => askedCount,
    async connect(line) {
      const { request, answer } = await upgrades.next();
      const problem = upgradeProblem(request, line, token);
      if (problem !== null) {
        answer(new Response(problem, { status: 500 }));
        throw new Error(problem);
      }
      if (line.status !== 101) return answer(refusal(line));
      const heard = createQueue<Heard>();
      answer(() => {
        const headers = { "Sec-WebSocket-Protocol": line.protocol ?? "" };
        const isDone = server.upgrade(request, { data: { heard }, headers });
        return isDone ? undefined : new Response(null, { status: 426 });
      });
      sockets.set(line.socket, { socket: await opened.next(), heard });
    },
    say: (number, data) => {
      const { socket } = socketOf(number);
      if (typeof data === "string") socket.sendText(data);
      else socket.sendBinary(data);
    },
    hear: (number) => socketOf(number).heard.next(),
    async close(number, code) {
      socketOf(number).socket.close(code, "as the transcript says");
    },
    async cut(number) {
      socketOf(number).socket.terminate();
    },
    request: refuseWorkerSide,
    answered: refuseWorkerSide,
    async requested() {
      asked = await requests.next();
      return readRequest(asked.request);
    },
    answer({ status, bytes }: HttpAnswer) {
      if (asked === null) throw new Error("Nothing was requested.");
      asked.answer(new Response(new Uint8Array(bytes), { status }));
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

function refuseWorkerSide(): never {
  throw new Error("A server asks for nothing by HTTP.");
}

function upgradeProblem(request: Request, line: ConnectLine, token: string): string | null {
  const offers = request.headers.get("sec-websocket-protocol")?.split(/, */) ?? [];
  // What a worker of this version does not offer is passed over.
  if (line.protocol !== null && !offers.includes(line.protocol))
    return `It offers ${offers.join()}.`;
  const bearer = request.headers.get("authorization")?.replace(/^Bearer /i, "");
  const said = request.headers.get("x-api-key") ?? bearer;
  if ((said === token) !== (line.token === "right")) return "The token is another one.";
  if (new URL(request.url).pathname !== "/api/worker") return `It asks for ${request.url}.`;
  return null;
}

function refusal({ status, code }: ConnectLine): Response {
  const detail = "As the transcript says.";
  const headers = { "Content-Type": "application/problem+json" };
  return Response.json({ title: "Refused", status, detail, code }, { status, headers });
}

async function readRequest(request: Request): Promise<HttpRequest> {
  const { pathname } = new URL(request.url);
  return {
    method: request.method,
    path: pathname.replace(/^\/api\//, ""),
    headers: Object.fromEntries(request.headers),
    bytes: await request.bytes(),
  };
}
