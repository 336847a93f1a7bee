// A server of a few answers and a clock that moves when nothing else does: for what the client does about time
// and failures. Everything else of the client is tested against the real server.

import { createClientOn } from "../../../src/client/client.ts";
import type { Client, ClientOptions } from "../../../src/client/client.ts";
import { createRuntime, type Runtime } from "../../../src/client/runtime.ts";
import { createVirtualClock, type VirtualClock } from "../../support/virtual-clock.ts";

export type Seen = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  /** Fires when the client lets go. */
  readonly signal: AbortSignal;
};

/** Answers a request, throws as a failed network does, or never answers: then it ends with the signal. */
export type Answerer = (seen: Seen, count: number) => Response | "silence";

export type FakeServer = {
  readonly client: Client;
  readonly seen: Seen[];
  readonly clock: VirtualClock;
  /** What `work` comes to, with time moving on whenever everything waits for it. */
  settle<T>(work: Promise<T>): Promise<T>;
};

export function createFakeServer(
  answer: Answerer,
  options: Partial<ClientOptions> & { readonly fraction?: number } = {},
): FakeServer {
  const clock = createVirtualClock();
  const seen: Seen[] = [];
  const runtime: Runtime = {
    ...createRuntime(),
    monotonicMs: () => clock.monotonicMs(),
    fraction: () => options.fraction ?? 0.5,
    after(ms, call) {
      const timer = clock.after(ms, call);
      return () => timer.cancel();
    },
  };
  const fetch: ClientOptions["fetch"] = async (url, init) => {
    const signal = init.signal!; // The client always gives one.
    signal.throwIfAborted();
    const { method = "GET" } = init;
    const body = init.body == null ? "" : await new Response(init.body).text();
    const one = { method, url: new URL(url), headers: new Headers(init.headers), body, signal };
    seen.push(one);
    const given = answer(one, seen.length);
    if (given !== "silence") return given;
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  };
  const client = createClientOn(runtime, { url: "http://grid.test/base", fetch, ...options });
  return {
    client,
    seen,
    clock,
    async settle(work) {
      let isOver = false;
      const over = () => {
        isOver = true;
      };
      work.then(over, over);
      while (!isOver) {
        for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
        const ms = clock.nextTimerMs();
        if (!isOver && ms !== null) clock.advance(ms);
      }
      return work;
    },
  };
}

export function problem(status: number, code: string, headers: Record<string, string> = {}) {
  return problemWith({ status, code }, headers);
}

export function problemWith(
  { status, ...fields }: { readonly status: number; readonly [name: string]: unknown },
  headers: Record<string, string> = {},
): Response {
  const body = { status, title: "T", detail: "The detail.", info: {}, ...fields };
  return Response.json(body, { status, headers });
}

export function networkError(): never {
  throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
}

export const aWireJob = { id: "i", seq: 1, key: "k", status: "pending" };

/** What a call fails with. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("It did not fail.");
}
