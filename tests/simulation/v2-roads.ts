// The door of HTTP as a simulated v2 worker uses it: payloads come, large results go, each call may be lost and is made
// again. Nothing of it goes through the socket.

import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { JobMessage } from "../../src/agent/conversation/conversation-words.ts";
import type { Finished } from "../../src/agent/spool/outcome.ts";
import { transferTryCountMax } from "../../src/domain/limits-worker.ts";
import type { ReceiptVerdict } from "../../src/protocol/worker-messages.ts";
import type { Chance } from "./chance.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Server } from "./server.ts";
import type { Trace } from "./trace.ts";

export type Downloaded =
  | { readonly kind: "there"; readonly bytes: Uint8Array }
  | { readonly kind: "gone" | "unreachable" | "stopped" };

export type Uploaded =
  | { readonly kind: "receipt"; readonly verdict: ReceiptVerdict }
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "unreachable" | "stopped" };

export type V2Roads = {
  /** Ends soon after `isWanted` is no longer so. */
  download(job: JobMessage, isWanted: () => boolean): Promise<Downloaded>;
  upload(ended: Finished, bytes: Uint8Array, isWanted: () => boolean): Promise<Uploaded>;
};

export type V2RoadsDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly server: Server;
  readonly isUnplugged: () => boolean;
};

export function createV2Roads(deps: V2RoadsDeps): V2Roads {
  const { scheduler, chance, trace, isUnplugged } = deps;
  const server: Pick<Server, "call"> = {
    call: (verb) => (isUnplugged() ? Promise.resolve({ kind: "unknown" }) : deps.server.call(verb)),
  };
  const pause = (tries: number) =>
    scheduler.sleep(chance.between(0, 500 * 2 ** Math.min(tries, 6)));

  return {
    async download({ job, attempt, token, sha256 }, isWanted) {
      for (let tries = 0; tries < transferTryCountMax; tries += 1) {
        if (!isWanted()) return { kind: "stopped" };
        const answer = await server.call(async (broker) => {
          const work = await broker.openWork({ by: "id", id: job }, attempt, toBytes(token));
          const bytes = await broker.open(work.job.payload);
          return new Uint8Array(await new Response(bytes as never).arrayBuffer());
        });
        if (answer.kind === "refused") return { kind: "gone" };
        if (answer.kind === "ok") {
          trace.note("v2.downloaded");
          if (sha256Hex(answer.value) !== sha256) trace.violate("bytes", `of ${job}`);
          return { kind: "there", bytes: answer.value };
        }
        await pause(tries);
      }
      return { kind: "unreachable" };
    },
    async upload({ job, attempt, token }, bytes, isWanted) {
      for (let tries = 0; tries < transferTryCountMax; tries += 1) {
        if (!isWanted()) return { kind: "stopped" };
        const answer = await server.call(async (broker) => {
          const work = await broker.openWork({ by: "id", id: job }, attempt, toBytes(token));
          if (work.foregone !== null) return work.foregone;
          const sizeBytesMax = work.type.payloadBytesMax;
          const result = await broker.stage(once(bytes), { sizeBytesMax, contentType: null });
          if (chance.is(0.2)) await scheduler.sleep(chance.between(0, 500));
          return work.complete(result);
        });
        if (answer.kind === "ok") {
          trace.note(`v2.uploaded-${answer.value}`);
          return { kind: "receipt", verdict: answer.value };
        }
        if (answer.kind === "refused") return { kind: "refused", code: answer.code };
        await pause(tries);
      }
      return { kind: "unreachable" };
    },
  };
}

function toBytes(token: string): Uint8Array {
  return Uint8Array.fromHex(token);
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}
