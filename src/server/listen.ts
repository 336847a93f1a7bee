// Puts an app on a port, and takes it off again in order: nothing new, uploads finish, sockets are told.

import type { Clock } from "../platform/clock.ts";
import { shutdownMsMax } from "../domain/limits-server.ts";
import type { App } from "./app.ts";

export type ListenOptions = {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  /** Texts in PEM, or null for plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly clock: Clock;
};

export type Listener = {
  readonly url: URL;
  readonly port: number;
  /** Begins nothing new, and lets uploads finish. Workers stay connected: the broker can be stopped next. */
  drain(): Promise<void>;
  /** Drains, tells the sockets to come back later, and gives the port free. May be called twice. */
  stop(): Promise<void>;
};

/** Throws what the operating system says when the port is taken or not allowed. */
export function listen(app: App, { host, port, tls, clock }: ListenOptions): Listener {
  app.routes.listen({
    hostname: host,
    port,
    reusePort: false, // Else two servers share one port without an error.
    development: false, // Else errors of the runtime's own show the source.
    idleTimeout: app.idleSeconds,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // The routes have limits of their own.
    websocket: app.sockets.handlers,
    ...(tls !== null && { tls }),
  });
  const server = app.routes.server;
  if (server === null) throw new Error("The app listens, but has no server.");
  let drained: Promise<void> | null = null;
  let stopped: Promise<void> | null = null;

  const drain = async () => {
    app.stopTaking();
    await app.uploads.finish(shutdownMsMax);
  };
  const stop = async () => {
    await (drained ??= drain());
    const quiet = server.stop(); // Takes no new connections; what is under way goes on.
    app.sockets.closeAll(1012, "restart");
    const patience = new AbortController();
    await Promise.race([quiet, clock.sleep(lastAnswersMsMax, patience.signal)]);
    patience.abort();
    await server.stop(true);
  };
  return {
    url: server.url,
    port: server.port ?? port,
    drain: () => (drained ??= drain()),
    stop: () => (stopped ??= stop()),
  };
}

/** Requests that are neither uploads nor long waits are answered within this. */
const lastAnswersMsMax = 3_000;
