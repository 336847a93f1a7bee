// How long Bun lets a connection go on. Its timer is a deadline for the whole request: neither the bytes of a
// body nor those of an answer put it off. So what may take long is freed of it, and watched by us instead.

import { longAnswerSecondsMax } from "../domain/limits-server.ts";

/** The part of Bun's server that keeps the timers; null outside of one. */
export type Timers = { timeout(request: Request, seconds: number): void } | null;

export type Patience = {
  /** No deadline: for what ends otherwise. `restore` before the answer is complete. */
  lift(request: Request, server: Timers): void;
  /** A late deadline, for answers of bounded size that a slow line takes long for. */
  extend(request: Request, server: Timers): void;
  /** The deadline that every request has; also how long the connection is then kept for a next one. */
  restore(request: Request, server: Timers): void;
};

export function createPatience(idleSeconds: number): Patience {
  return {
    lift: (request, server) => server?.timeout(request, 0),
    extend: (request, server) => server?.timeout(request, longAnswerSecondsMax),
    restore: (request, server) => server?.timeout(request, idleSeconds),
  };
}
