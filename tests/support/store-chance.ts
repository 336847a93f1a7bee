// Random work for a job store: what a seed chooses to add, to do to a job, and to ask. The same seed chooses
// the same, so that several stores can be put to the same work and compared.

import { toContent, type NewContent } from "../../src/domain/blob-ref.ts";
import { successorOf } from "../../src/domain/chain.ts";
import {
  statuses,
  type Instant,
  type Job,
  type JobId,
  type JobOptions,
  type NewJob,
  type Status,
} from "../../src/domain/job.ts";
import type { JobType } from "../../src/domain/job-type.ts";
import type { Step } from "../../src/domain/step.ts";
import { transition } from "../../src/domain/transition.ts";
import type { Change, JobFilter, PageQuery } from "../../src/store/job-store.ts";
import { aType } from "./a-job.ts";
import { largeContent, smallContent } from "./builders.ts";
import { createSeededRandom } from "./seeded-random.ts";

export type Chance = ReturnType<typeof createChance>;

const typesByName = new Map(
  [
    aType({ name: "a", resultBecomes: "b", maxAttempts: 4, maxCrashes: 3 }),
    aType({ name: "b", resultBecomes: "c", maxAttempts: 2 }),
    aType({ name: "c", maxAttempts: 100, maxCrashes: 100 }),
  ].map((type) => [type.name, type] as const),
);

export const typeNames = [...typesByName.keys()];

export const stepNames = [
  "claim",
  "complete",
  "fail",
  "time-out",
  "lose",
  "return",
  "release",
  "reopen",
  "cancel",
  "retry",
  "hold",
  "unhold",
  "expire",
  "damage",
] as const satisfies readonly Step["do"][];

const likelySteps: { readonly [Each in Status]: readonly Step["do"][] } = {
  pending: ["claim", "claim", "claim", "reopen", "hold", "unhold", "expire"],
  running: [
    "complete",
    "complete",
    "complete",
    "complete",
    "fail",
    "time-out",
    "lose",
    "return",
    "release",
  ],
  done: ["complete"],
  failed: ["retry"],
  cancelled: ["retry"],
};

export function createChance(seed: number) {
  const random = createSeededRandom(seed);
  const below = (count: number) => Math.floor(random.fraction() * count);
  const happens = (share: number) => random.fraction() < share;
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  let nameCount = 0;

  function id(): JobId {
    const hex = random.bytes(16).toHex();
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** A few different bytes only, so that many are the same; large ones come under a name of their own. */
  function content(): NewContent {
    const number = below(30);
    const text = `bytes ${number}`;
    nameCount += 1;
    if (happens(0.5)) return smallContent(text);
    // Some are so large that they are of a shape of their own.
    const size = number % 3 === 0 ? 3 * 1024 * 1024 * 4 ** (number % 2) : 100_000;
    return { ...largeContent(`file-${nameCount}`, text), size };
  }

  function options(at: Instant): JobOptions {
    return {
      maxAttempts: happens(0.1) ? 1 + below(3) : null,
      timeoutMs: null,
      notBefore: happens(0.2) ? at + below(20_000) : null,
      deadline: happens(0.2) ? at + below(60_000) : null,
      hold: happens(0.1),
      groupRunningMax: null,
      requires: happens(0.2) ? pick(["cpus=2", "cpus=2,mem=1GiB", "tag:x", "worker=w1"]) : null,
    };
  }

  function newJob(at: Instant): NewJob {
    const own = id();
    const group = happens(0.3) ? pick(["g", "h"]) : null;
    const groupRunningMax = group !== null && happens(0.5) ? 1 + below(2) : null;
    return {
      id: own,
      key: happens(0.2) ? own : `key/${below(30)}${happens(0.3) ? "/b" : ""}`,
      type: pick(typeNames),
      priority: pick(["immediate", "batch"]),
      payload: content(),
      description: happens(0.2) ? "A description." : null,
      labels: happens(0.2) ? '{"a":1}' : null,
      group,
      options: { ...options(at), groupRunningMax },
      fromId: null,
      submittedAt: at,
    };
  }

  /** A step that the job may or may not take; mostly one that fits its status. */
  function step(job: Job, at: Instant): Step {
    const attempt = happens(0.9) ? (job.attempt?.n ?? 1) : 1 + below(4);
    const name = happens(0.8) ? pick(likelySteps[job.status]) : pick(stepNames);
    const worker = pick(["w1", "w2", "w3"]);
    switch (name) {
      case "claim":
        return {
          do: name,
          at,
          worker: { id: worker, name: happens(0.1) ? "renamed" : worker },
          tokenHash: random.bytes(32),
          leaseMs: worker === "w1" ? null : 30_000,
          waived: happens(0.5),
        };
      case "complete":
        return { do: name, at, attempt, result: toContent(content()) };
      case "fail":
        return {
          do: name,
          at,
          attempt,
          info: "Failed.",
          retryable: happens(0.9),
          chance: random.fraction(),
        };
      case "time-out":
        return { do: name, at, attempt, chance: random.fraction() };
      case "lose":
        return {
          do: name,
          at,
          attempt,
          charged: happens(0.5),
          elsewhere: happens(0.5),
          info: "Lost.",
        };
      case "return":
      case "release":
        return { do: name, at, attempt, info: "Back." };
      case "reopen":
        return { do: name, at, attempt };
      case "cancel":
      case "damage":
        return { do: name, at, info: "Over." };
      default:
        return { do: name, at };
    }
  }

  /** The change that a step makes of the job, or null when it is refused. */
  function change(job: Job, at: Instant): { readonly did: Step["do"]; readonly of: Change } | null {
    const type = typesByName.get(job.type) as JobType; // Jobs are only made of these types.
    const wanted = step(job, at);
    const move = transition(job, wanted, type);
    if (move.kind === "refused") return null;
    const result =
      move.job.status === "done" ? { ...content(), contentType: pick(["a/b", null]) } : null;
    const done = move.job.status === "done" && result ? { ...move.job, result } : null;
    const of = {
      from: job.revision,
      job: done ?? move.job,
      event: move.event,
      attempt: wanted.do === "claim" ? move.job.attempt : null,
      result,
      successor: done === null ? null : successorOf(done, type, id(), at),
      logs: wanted.do === "fail" && happens(0.5) ? `log ${below(100)}` : null,
    };
    return { did: wanted.do, of };
  }

  function filter(at: Instant): JobFilter {
    return {
      ...(happens(0.3) && { status: pick(statuses) }),
      ...(happens(0.3) && { type: pick([...typeNames, "unknown"]) }),
      ...(happens(0.2) && { group: pick(["g", "h", "i"]) }),
      ...(happens(0.2) && { batch: below(6) }),
      ...(happens(0.2) && { keyPrefix: pick(["", "key", "key/1", "key/12", "0", "a", "f1"]) }),
      ...(happens(0.2) && { worker: pick(["w1", "w2", "nobody"]) }),
      ...(happens(0.2) && { submittedAfter: at - below(200_000) }),
    };
  }

  function query(at: Instant, lastSeq: number): PageQuery {
    return {
      filter: filter(at),
      order: pick(["newest", "oldest"]),
      limit: 1 + below(20),
      after: happens(0.3) ? below(lastSeq + 2) : null,
    };
  }

  return {
    below,
    happens,
    pick,
    newJob,
    change,
    filter,
    query,
    largeName: () => `file-${below(nameCount + 1)}`,
  };
}
