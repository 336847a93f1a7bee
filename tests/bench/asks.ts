// What the benchmark asks of the processes that it starts beside the server, and how: one question at a time, over
// the channel that Bun opens to a child. Nothing travels on it while something is being measured.

import { join } from "node:path";

/** How the jobs of a run are submitted, see `load.ts`. */
export type LoadAsk = {
  readonly url: string;
  readonly apiKey: string;
  readonly pattern: "window" | "bulk" | "post" | "get";
  readonly body: "raw" | "multipart";
  readonly count: number;
  readonly inFlight: number;
};
export type LoadAnswer = {
  readonly seconds: number;
  /** Of each job from its submission to its result, or of each request. */
  readonly ms: { readonly p50: number; readonly p95: number; readonly p99: number };
};

/** Which protocol the workers speak, and how many jobs each may hold; a classic one holds one. */
export type Speech = { readonly speaks: "classic" | "v2"; readonly window: number };

export type WorkersAsk =
  | ({
      readonly do: "join";
      readonly url: string;
      readonly token: string;
      readonly count: number;
    } & Speech)
  | { readonly do: "leave" }
  | {
      readonly do: "echo";
      readonly url: string;
      readonly sockets: number;
      readonly inFlight: number;
      readonly count: number;
    };

export type DiskAsk =
  | { readonly do: "sqlite"; readonly directory: string; readonly count: number }
  | { readonly do: "sync"; readonly directory: string; readonly count: number };
export type DiskAnswer = {
  readonly cpuUs: number;
  readonly ms: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly perSecond: number;
};

type Reply = { readonly answer: unknown } | { readonly failure: string };

export type Helper<Ask, Answer> = {
  readonly pid: number;
  /** Throws what the other process threw, or after ten minutes. */
  ask(ask: Ask): Promise<Answer>;
  stop(): Promise<void>;
};

const askMsMax = 600_000;
const living = new Set<Bun.Subprocess>();

/** Ends what was started, however this process ends. */
export function reapAtExit(): void {
  process.on("exit", () => {
    for (const child of living) child.kill("SIGKILL");
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => process.exit(130));
  }
}

/** Has a process ended when this one ends. */
export function reap(child: Bun.Subprocess): void {
  living.add(child);
  void child.exited.then(() => living.delete(child));
}

/** Starts one of the programs of this folder. */
export function startHelper<Ask, Answer>(
  name: "load" | "workers" | "disk" | "ceiling-server",
): Helper<Ask, Answer> {
  let waiting: PromiseWithResolvers<Answer> | null = null;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, `${name}.ts`)], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    serialization: "json",
    ipc(reply: Reply) {
      if ("answer" in reply)
        waiting?.resolve(reply.answer as Answer); // The programs are ours.
      else waiting?.reject(new Error(`${name}: ${reply.failure}`));
    },
    onExit: (_, code) => waiting?.reject(new Error(`${name} ended with ${code}.`)),
  });
  reap(child);
  return {
    pid: child.pid,
    async ask(ask) {
      waiting = Promise.withResolvers<Answer>();
      const { promise, reject } = waiting;
      const late = setTimeout(() => reject(new Error(`${name} does not answer.`)), askMsMax);
      child.send(ask);
      try {
        return await promise;
      } finally {
        clearTimeout(late);
        waiting = null;
      }
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** The other side: answers every question until the benchmark is gone. */
export function answerAsks(answer: (ask: never) => Promise<unknown>): void {
  const send = (reply: Reply) => void process.send?.(reply);
  process.on("message", (ask: unknown) => {
    answer(ask as never).then(
      (value) => send({ answer: value ?? null }),
      (error: unknown) => send({ failure: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
