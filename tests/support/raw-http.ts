// HTTP as bytes on a socket: for requests that no client library would send, and for those it would break off.

import { connect, type Socket } from "node:net";

export type RawConnection = Disposable & {
  send(text: string): void;
  /** Resolves with all that came once it holds `mark`. */
  until(mark: string): Promise<string>;
  /** Resolves with all that came once the server has closed. */
  closed(): Promise<string>;
  /** Ends our half: the server sees that nothing more will come. */
  end(): void;
  /** Tears the connection down, as a pulled cable does in the end. */
  reset(): void;
  pause(): void;
  resume(): void;
};

export async function openRaw(port: number): Promise<RawConnection> {
  const opened = Promise.withResolvers<void>();
  const socket: Socket = connect({ port, host: "127.0.0.1" }, opened.resolve);
  const closed = Promise.withResolvers<string>();
  let came = "";
  let onData = () => {};
  socket.on("data", (chunk: Buffer) => {
    came += chunk.toString("latin1");
    onData();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    closed.resolve(came);
    onData();
  });
  await opened.promise;
  return {
    send: (text) => void socket.write(text, "latin1"),
    async until(mark) {
      while (!came.includes(mark)) {
        if (socket.destroyed) throw new Error(`The server closed before it said ${mark}: ${came}`);
        await new Promise<void>((resolve) => {
          onData = resolve;
        });
      }
      return came;
    },
    closed: () => closed.promise,
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** The status of the first answer in `text`. */
export function rawStatus(text: string): number {
  return Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1] ?? 0);
}
