// Workers of the original protocol, all in this process: a second implementation of their end, written against
// the description alone. They come back after every crash of the server; some jobs they fail, some they drop.

import type { Random } from "../../../src/platform/random.ts";
import { conductOf, resultOf, sha256Of } from "./bytes.ts";
import type { Ledger } from "./ledger.ts";

export type FleetDeps = {
  readonly url: string;
  readonly token: string;
  readonly ledger: Ledger;
  readonly random: Random;
  /** How many workers of each type. */
  readonly crew: readonly (readonly [string, number])[];
  /** Whether some jobs are failed and some connections dropped. */
  readonly isUnruly: boolean;
};

export type Fleet = {
  /** Times that a job was begun, by the hash of its payload. */
  readonly begunByPayload: ReadonlyMap<string, number>;
  readonly begunCount: number;
  readonly crashCount: number;
  stop(): Promise<void>;
};

/** Of type `duel` the first to get a payload waits this long for a second one to overtake it. */
const duelMsMax = 1_500;

type Crew = FleetDeps & {
  readonly stopping: AbortSignal;
  readonly begun: Map<string, number>;
  readonly overtaken: Map<string, () => void>;
  readonly counts: { begun: number; crashes: number };
};

export function startFleet(deps: FleetDeps): Fleet {
  const stop = new AbortController();
  const crew: Crew = {
    ...deps,
    stopping: stop.signal,
    begun: new Map(),
    overtaken: new Map(),
    counts: { begun: 0, crashes: 0 },
  };
  const lives: Promise<void>[] = [];
  for (const [type, count] of deps.crew) {
    for (let index = 0; index < count; index += 1) {
      lives.push(live(crew, { type, name: `${type}-${index}`, variant: lives.length }));
    }
  }
  return {
    begunByPayload: crew.begun,
    get begunCount() {
      return crew.counts.begun;
    },
    get crashCount() {
      return crew.counts.crashes;
    },
    async stop() {
      stop.abort();
      await Promise.all(lives);
    },
  };
}

type Worker = { readonly type: string; readonly name: string; readonly variant: number };

async function live(crew: Crew, worker: Worker): Promise<void> {
  while (!crew.stopping.aborted) {
    await converse(crew, worker);
    if (!crew.stopping.aborted) await Bun.sleep(5 + crew.random.fraction() * 25);
  }
}

/** One connection, from its opening to its end. */
function converse(crew: Crew, worker: Worker): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const socket = new WebSocket(`${crew.url.replace("http", "ws")}/api/worker/${worker.type}`);
  socket.binaryType = "arraybuffer";
  let isBusy = false;
  const say = (message: object) => socket.send(JSON.stringify(message));
  const tellStatus = () => say({ code: 1, status: isBusy ? 0 : 1 });
  const leave = () => socket.close();

  socket.addEventListener("open", () => {
    say({ code: 0, name: worker.name, id: `id-${worker.name}`, token: crew.token });
  });
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (typeof data === "string") {
      if ((JSON.parse(data) as { code: number }).code === 2) tellStatus();
      return;
    }
    isBusy = true;
    const isOpen = () => socket.readyState === WebSocket.OPEN;
    void work(crew, worker, data, { say, isOpen, socket }).then(() => (isBusy = false));
  });
  socket.addEventListener("close", () => resolve());
  socket.addEventListener("error", () => resolve());
  crew.stopping.addEventListener("abort", leave, { once: true });
  return ended.finally(() => crew.stopping.removeEventListener("abort", leave));
}

type Line = {
  readonly say: (message: object) => void;
  readonly isOpen: () => boolean;
  readonly socket: WebSocket;
};

async function work(crew: Crew, worker: Worker, bytes: ArrayBuffer, line: Line): Promise<void> {
  const payload = sha256Of(bytes);
  const times = (crew.begun.get(payload) ?? 0) + 1;
  crew.begun.set(payload, times);
  crew.counts.begun += 1;
  const conduct = crew.isUnruly && worker.type !== "duel" ? conductOf(payload) : "work";
  if (conduct === "crash-first" && times === 1) {
    crew.counts.crashes += 1;
    return line.socket.terminate();
  }
  if (conduct === "fail-always" || (conduct === "fail-first" && times === 1)) {
    line.say({ code: 4, info: "the harness wants it so", logs: `payload ${payload}` });
    return;
  }
  if (worker.type === "duel" && times === 1) await beOvertaken(crew, payload);
  else if (crew.random.fraction() < 0.1) {
    line.say({ code: 3, percent: 50, info: null });
    await Bun.sleep(crew.random.fraction() * 20);
  }
  const result = resultOf(payload, worker.variant);
  await crew.ledger.write({ kind: "executed", payload, result: sha256Of(result) });
  if (!line.isOpen()) return;
  line.socket.send(result);
  crew.overtaken.get(payload)?.();
  if (conduct !== "leave-after") return;
  crew.counts.crashes += 1;
  line.socket.close();
}

/** Resolves a moment after another worker has sent its result for the same payload. */
async function beOvertaken(crew: Crew, payload: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  crew.overtaken.set(payload, () => setTimeout(resolve, 10));
  const timer = setTimeout(resolve, duelMsMax);
  crew.stopping.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
  crew.overtaken.delete(payload);
}
