// Clock, chance and SHA-256 of the client. The one file of it that touches the runtime, with nothing but what
// Bun, Node and browsers share; a test hands in another one.

import { timerMsMax } from "../domain/limits.ts";
import { createHash, type Hash } from "./sha256.ts";

export interface Runtime {
  /** Milliseconds that only grow. */
  monotonicMs(): number;
  /** Calls once after `ms`, unless the function it returns is called first. */
  after(ms: number, call: () => void): () => void;
  /** Calls once, soon: after what is under way in this turn of the event loop. */
  soon(call: () => void): void;
  /** A number in [0, 1). */
  fraction(): number;
  /** Unpredictable bytes. */
  bytes(count: number): Uint8Array;
  /** SHA-256 of bytes at hand. */
  sha256(bytes: Uint8Array): Promise<Uint8Array>;
  /** SHA-256 of bytes that come in pieces. */
  createHash(): Hash;
}

export function createRuntime(): Runtime {
  return {
    monotonicMs: () => performance.now(),
    after(ms, call) {
      const timer = setTimeout(call, Math.min(Math.max(ms, 0), timerMsMax));
      return () => clearTimeout(timer);
    },
    soon,
    fraction: () => Math.random(),
    bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    async sha256(bytes) {
      // Browsers keep `subtle` from pages that came over plain HTTP, though the types promise it.
      const subtle = crypto.subtle as SubtleCrypto | undefined;
      if (subtle === undefined) {
        const hash = createHash();
        hash.update(bytes);
        return hash.digest();
      }
      return new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
    },
    createHash,
  };
}

/** Browsers have no `setImmediate`, and a timer of theirs takes milliseconds; a message to oneself does not. */
function soon(call: () => void): void {
  if (typeof setImmediate === "function") {
    setImmediate(call);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener("message", () => {
    port1.close();
    call();
  });
  port1.start();
  port2.postMessage(null);
}

/** Nobody fires it: for calls without a signal. */
export const never: AbortSignal = new AbortController().signal;

/** Resolves after `ms`; rejects with the signal's reason as soon as it fires. */
export function sleep(runtime: Runtime, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(signal.reason as Error); // Whatever the caller gave as the reason is what the caller gets.
    };
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const cancel = runtime.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}
