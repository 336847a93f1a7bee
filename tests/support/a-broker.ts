// A real broker over the memory providers and a clock that a test moves, with classic workers to speak for.

import { createBroker } from "../../src/broker/create-broker.ts";
import type { ClassicConnection } from "../../src/broker/broker.ts";
import type { BlobStore } from "../../src/blobs/blob-store.ts";
import { createMemoryBlobStore } from "../../src/blobs/memory/memory-blob-store.ts";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { JobType } from "../../src/domain/job-type.ts";
import type { JobOptions, Priority } from "../../src/domain/job.ts";
import { createIds } from "../../src/platform/ids.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createMemoryJobStore } from "../../src/store/memory/memory-job-store.ts";
import { aType as aTypeOfJob, noOptions } from "./a-job.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { createVirtualClock } from "./virtual-clock.ts";

export { noOptions };

/** A type without a time limit, whose payloads stay small. */
export function aType(given: Partial<JobType> = {}): JobType {
  return aTypeOfJob({ timeoutMs: null, payloadBytesMax: 1_000_000, ...given });
}

/** Lets everything that waits for nothing but its turn come to its end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export function aBroker(
  types: readonly JobType[] = [aType()],
  jobs = createMemoryJobStore({ batchSize: 3 }),
  blobs: BlobStore | null = null,
) {
  const clock = createVirtualClock();
  const random = createSeededRandom(7);
  const broker = createBroker({
    jobs,
    blobs: blobs ?? createMemoryBlobStore({ random, clock }),
    clock,
    random,
    makeId: createIds(clock, random),
    log: createSilentLog(),
    types,
    smallBlobBytesMax: 32_768,
    classicBytesMax: 1_000_000,
    kickAfterMs: 500,
    verifyWorkerToken: (token) => token === "right",
    durability: "power",
    incarnation: 1,
  });
  let socketCount = 0;

  return {
    broker,
    clock,
    jobs,
    /** Adds a job whose payload is its key. */
    async submit(
      key: string,
      given: {
        type?: string;
        priority?: Priority;
        group?: string;
        options?: Partial<JobOptions>;
      } = {},
    ) {
      const inline = new TextEncoder().encode(key);
      const payload = {
        sha256: sha256Hex(inline),
        size: inline.length,
        name: "",
        contentType: null,
        inline,
      };
      const { seq } = await broker.submit({
        key,
        type: given.type ?? "",
        priority: given.priority ?? "batch",
        description: null,
        labels: null,
        group: given.group ?? null,
        options: { ...noOptions, ...given.options },
        payload,
      });
      await settle();
      return seq;
    },
    /** Connects and registers a worker; `heard` are the payloads and texts it was sent. */
    async connect(
      name: string,
      type = "",
    ): Promise<ClassicConnection & { readonly heard: string[] }> {
      socketCount += 1;
      const heard: string[] = [];
      const connection = broker.attachClassic({
        connection: `c${socketCount}`,
        type,
        address: "127.0.0.1",
        sendText: (text) => void heard.push(text),
        sendBytes(bytes) {
          heard.push(`payload ${new TextDecoder().decode(bytes)}`);
          return true;
        },
        close: (code, reason) => void heard.push(`close ${code} ${reason}`),
      });
      connection.text(JSON.stringify({ code: 0, name, id: name, token: "right" }));
      await settle();
      return Object.assign(connection, { heard });
    },
  };
}

export const ready = '{"code":1,"status":1}';
