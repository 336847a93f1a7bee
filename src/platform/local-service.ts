// Programs of this machine that serve HTTP on a port of their own: free ports, whether somebody listens, requests.
// Proxies of the environment are never asked, or what is meant for this machine would leave it.

import { connect, createServer } from "node:net";

/** Where a program listens. */
export type LocalAddress = { readonly host: "127.0.0.1" | "[::1]"; readonly port: number };

/** So many different ports that nobody listens on now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const taken: TakenPort[] = [];
  try {
    // All stay taken until the last one is found, or the system would name one of them twice.
    for (let n = 0; n < count; n += 1) taken.push(await takePort(0));
  } finally {
    await Promise.all(taken.map(({ free }) => free()));
  }
  return taken.map(({ port }) => port);
}

export async function isPortFree(port: number): Promise<boolean> {
  try {
    await (await takePort(port)).free();
    return true;
  } catch {
    return false;
  }
}

type TakenPort = { readonly port: number; free(): Promise<void> };

async function takePort(port: number): Promise<TakenPort> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1" }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    free: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** Where connections to the port are taken now, of either family of addresses; null when they are not. */
export async function listenerOn(port: number): Promise<LocalAddress | null> {
  if (await takesConnection("127.0.0.1", port)) return { host: "127.0.0.1", port };
  return (await takesConnection("::1", port)) ? { host: "[::1]", port } : null;
}

function takesConnection(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (isTaken: boolean) => {
      socket.destroy();
      resolve(isTaken);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}

export type LocalAnswer = {
  readonly status: number;
  readonly contentType: string | null;
  /** To be read to its end, or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
};

export type LocalBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly path: string };

export type LocalRequest = {
  readonly method: "GET" | "POST";
  readonly headers: { readonly [name: string]: string };
  readonly body: LocalBody | null;
};

/** Asks for `/`, for as long as it takes. Rejects when the connection fails, or `stop` fires. */
export async function requestLocal(
  { host, port }: LocalAddress,
  { method, headers, body }: LocalRequest,
  stop: AbortSignal,
): Promise<LocalAnswer> {
  const answer = await fetch(`http://${host}:${port}/`, {
    method,
    headers,
    body: body === null ? null : bodyOf(body),
    signal: stop,
    redirect: "manual",
    proxy: false,
    timeout: false,
    keepalive: false, // A connection of a former life of the program would fail the first request of the next.
  });
  const contentType = answer.headers.get("content-type");
  return { status: answer.status, contentType, body: answer.body ?? new Blob([]).stream() };
}

function bodyOf(body: LocalBody): Blob | Uint8Array<ArrayBuffer> {
  return body.kind === "file" ? Bun.file(body.path) : new Uint8Array(body.bytes);
}

/** The request was refused at the door: nobody listened, so nothing of it was seen. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
}
