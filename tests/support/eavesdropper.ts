// Two who stand in the way of a TLS connection. One speaks TLS itself, with whatever certificate it has, and keeps
// what it is told; the other passes bytes on, and leads each connection to where it is told to.

import { connect, createServer, type AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Server, Socket } from "node:net";

export type Eavesdropper = AsyncDisposable & {
  readonly port: number;
  /** All that was said to it in words it could read. */
  readonly heard: () => string;
};

export async function openEavesdropper(tls: {
  readonly cert: string;
  readonly key: string;
}): Promise<Eavesdropper> {
  let heard = "";
  const open = new Set<Socket>();
  const server = createTlsServer(tls, (socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      heard += chunk.toString("latin1");
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
  });
  server.on("tlsClientError", () => {}); // A client that refuses the certificate.
  return {
    port: await listenOn(server),
    heard: () => heard,
    [Symbol.asyncDispose]: () => closed(server, open),
  };
}

export type Crossing = AsyncDisposable & {
  readonly port: number;
  readonly connectionCount: () => number;
};

/** The first connection goes to the first port, and so on; those beyond go to the last one. */
export async function openCrossing(...ports: readonly number[]): Promise<Crossing> {
  let count = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(ports[Math.min(count, ports.length - 1)] ?? 0, "127.0.0.1");
    count += 1;
    open.add(near).add(far);
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => one.destroy());
      one.on("close", () => other.destroy());
    }
  });
  return {
    port: await listenOn(server),
    connectionCount: () => count,
    [Symbol.asyncDispose]: () => closed(server, open),
  };
}

async function listenOn(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function closed(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) socket.destroy();
  });
}
