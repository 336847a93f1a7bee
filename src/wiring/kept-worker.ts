// Keeps a worker in a process of its own running beside a server: what the worker does wrong is no harm to the server.
// One that ended by mistake is started again, ever later; one that cannot work is given up.

import { createRestartPace } from "../agent/warm/restart-pace.ts";
import type { Clock } from "../platform/clock.ts";
import type { OwnChild } from "../platform/own-child.ts";

export type KeptWorker = {
  /** Resolves with the exit code of a worker that would end the same way each time. */
  readonly givenUp: Promise<number>;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
};

export type KeptWorkerDeps = {
  readonly clock: Clock;
  readonly start: () => OwnChild;
  readonly onNotice: (line: string) => void;
};

/** Exit codes of a worker that has told why, and would tell it again: usage, and refused by its server. */
const finalCodes: readonly (number | null)[] = [2, 4];

export function keepWorker({ clock, start, onNotice }: KeptWorkerDeps): KeptWorker {
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<number>();
  const pace = createRestartPace();
  const stopping = new AbortController();
  let child: OwnChild | null = null;

  const keep = async () => {
    while (!stopping.signal.aborted) {
      const startedMs = clock.monotonicMs();
      child = start();
      const code = await child.exited;
      child = null;
      if (stopping.signal.aborted) return;
      if (code !== null && finalCodes.includes(code)) return giveUp(code);
      const restMs = pace.ended(clock.monotonicMs() - startedMs);
      const how = code === null ? "was killed" : `ended with exit code ${code}`;
      onNotice(`The worker of this machine ${how}. Starting it again.`);
      await clock.sleep(restMs, stopping.signal);
    }
  };
  const kept = keep();
  return {
    givenUp,
    async stop() {
      stopping.abort();
      child?.stop();
      await kept;
    },
  };
}
