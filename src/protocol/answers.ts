// The shapes of http-api.ts as schemas: for the description of the API, and for tests that hold real answers against
// it. The lines at the end do not compile when a schema and its type differ: change both together.

import * as v from "valibot";
import { problems, type Json, type ProblemCode } from "../domain/errors.ts";
import { statuses } from "../domain/job.ts";
import type * as Wire from "./http-api.ts";
import type { Problem } from "./problem.ts";

const json = v.custom<Json>(() => true);
const text = v.string();
const maybeText = v.nullable(text);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const instant = v.pipe(text, v.metadata({ format: "date-time" }));
const maybeInstant = v.nullable(instant);
const status = v.picklist(statuses);
const sha256 = v.pipe(text, v.regex(/^[0-9a-f]{64}$/));

const changes = [
  "submitted",
  "claimed",
  "completed",
  "failed",
  "timed_out",
  "lost",
  "not_delivered",
  "released",
  "cancelled",
  "retried",
  "expired",
  "held",
  "unheld",
  "damaged",
  "deleted",
  "reopened",
] as const;
const reason = v.nullable(
  v.picklist([
    "error",
    "exhausted",
    "crashes",
    "timeout",
    "expired",
    "prerequisite",
    "payload_damaged",
  ]),
);

const content = v.object({ sha256, size: count, content_type: maybeText });
const workerRef = v.object({ id: text, name: text });
const progress = v.object({ percent: v.nullable(v.number()), info: maybeText });

const Job = v.object({
  id: v.pipe(text, v.metadata({ format: "uuid" })),
  seq: count,
  key: text,
  type: maybeText,
  status,
  priority: v.picklist(["immediate", "batch"]),
  description: maybeText,
  group: maybeText,
  group_running_max: v.nullable(count),
  labels: v.nullable(v.record(text, json)),
  batch: count,
  from_id: maybeText,
  next_ids: v.array(text),
  payload: content,
  result: v.nullable(content),
  submitted: instant,
  started: maybeInstant,
  ended: maybeInstant,
  attempts: count,
  failures: count,
  worker: v.nullable(workerRef),
  progress: v.nullable(progress),
  info: maybeText,
  error: json,
  reason,
  not_before: maybeInstant,
  requires: maybeText,
});

const Created = v.object({ created: text, id: text, seq: count });
const Deleted = v.object({ deleted: text });

const Event = v.object({
  seq: count,
  at: instant,
  job: count,
  id: text,
  key: text,
  type: maybeText,
  group: maybeText,
  change: v.picklist(changes),
  status,
  attempt: v.nullable(count),
  worker: v.nullable(workerRef),
  reason,
  info: maybeText,
});

const Attempt = v.object({
  attempt: count,
  worker: v.nullable(workerRef),
  started: maybeInstant,
  ended: maybeInstant,
  outcome: v.nullable(v.picklist([...changes, "superseded"])),
  info: maybeText,
  logs: maybeText,
});

const History = v.object({ events: v.array(Event), attempts: v.array(Attempt) });

const Explanation = v.object({
  job: count,
  id: text,
  key: text,
  type: maybeText,
  status,
  summary: text,
  reasons: v.array(v.object({ code: text, text, remedy: maybeText, until: maybeInstant })),
  queue: v.nullable(v.object({ before: count, is_capped: v.boolean() })),
  workers: v.array(
    v.object({
      connection: text,
      id: text,
      name: text,
      code: text,
      is_fit: v.boolean(),
      text,
      until: maybeInstant,
    }),
  ),
});

const ManyDone = v.object({
  matched: count,
  changed: count,
  refused: count,
  more: v.boolean(),
  cursor: maybeText,
});

const Group = v.object({
  group: text,
  total: count,
  jobs: v.object({
    pending: count,
    running: count,
    done: count,
    failed: count,
    cancelled: count,
  }),
  first_submitted: instant,
  last_submitted: instant,
  done_rate: v.number(),
  estimated_end: maybeInstant,
});

const Type = v.object({
  name: maybeText,
  description: maybeText,
  result_becomes: maybeText,
  timeout_s: v.nullable(v.number()),
  max_attempts: count,
  max_crashes: count,
  resume_grace_s: v.number(),
  payload_bytes_max: count,
});

const WorkerShape = v.object({
  connection: text,
  id: text,
  name: text,
  state: v.picklist(["ready", "busy", "unsure", "quarantined", "suspect", "draining", "gone"]),
  protocol: v.picklist(["v2", "classic", "pull"]),
  type: maybeText,
  types: v.array(text),
  slots: count,
  resources: v.nullable(
    v.object({
      cpus: v.nullable(v.number()),
      memory_bytes: v.nullable(count),
      gpus: count,
      tags: v.array(text),
    }),
  ),
  vitals: v.nullable(
    v.object({
      load: v.nullable(v.number()),
      cpu: v.array(v.number()),
      memory_bytes: v.nullable(count),
      memory_used_bytes: v.nullable(count),
    }),
  ),
  machine: v.nullable(v.object({ os: maybeText, arch: maybeText, agent: maybeText })),
  address: text,
  connected: instant,
  first_seen: instant,
  last_seen: instant,
  done_count: count,
  failed_count: count,
  jobs: v.array(v.object({ seq: count, attempt: count })),
});

const Stats = v.object({
  version: text,
  incarnation: count,
  durability: text,
  accepting: v.boolean(),
  jobs: v.array(v.object({ type: maybeText, status, count })),
  workers: v.object({ connected: count, slots: count, busy: count }),
  done_rate: v.number(),
  repairs: count,
  disk: v.nullable(
    v.object({ level: v.picklist(["normal", "low"]), free_bytes: count, size_bytes: count }),
  ),
});

const codes = Object.keys(problems) as ProblemCode[]; // The keys of a constant are its names.

const ProblemDetails = v.object({
  title: text,
  status: count,
  detail: text,
  code: v.picklist(codes),
  info: v.record(text, json),
  problem: text,
});

const Verdict = v.object({
  verdict: v.picklist(["committed", "superseded", "abandon", "conflict", "continue"]),
});

/** By the names under which the description of the API knows them. */
export const answers = {
  Job,
  Created,
  Deleted,
  Event,
  History,
  Explanation,
  ManyDone,
  Group,
  Type,
  Worker: WorkerShape,
  Stats,
  Verdict,
  Problem: ProblemDetails,
};

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Frozen<T[Name]> }
    : T;
type IsSame<A, B> = [Frozen<A>, Frozen<B>] extends [Frozen<B>, Frozen<A>] ? true : never;
type Output<Name extends keyof typeof answers> = v.InferOutput<(typeof answers)[Name]>;

true satisfies IsSame<Output<"Job">, Wire.WireJob>;
true satisfies IsSame<Output<"Created">, Wire.WireCreated>;
true satisfies IsSame<Output<"Deleted">, Wire.WireDeleted>;
true satisfies IsSame<Output<"Event">, Wire.WireEvent>;
true satisfies IsSame<Output<"History">, Wire.WireHistory>;
true satisfies IsSame<Output<"Explanation">, Wire.WireExplanation>;
true satisfies IsSame<Output<"ManyDone">, Wire.WireManyDone>;
true satisfies IsSame<Output<"Group">, Wire.WireGroup>;
true satisfies IsSame<Output<"Type">, Wire.WireType>;
true satisfies IsSame<Output<"Worker">, Wire.WireWorker>;
true satisfies IsSame<Output<"Stats">, Wire.WireStats>;
true satisfies IsSame<Output<"Problem">, Problem>;
