// The seat of a v2 worker: what its hello said, and how the dispatcher reaches its connection.

import type { Instant, WorkerRef } from "../domain/job.ts";
import { frameBodyBytesMax } from "../domain/limits.ts";
import type { Vitals, WorkerState } from "../domain/worker.ts";
import type { WorkerHello } from "../protocol/worker-messages.ts";
import type { Assignment, Life, Seat } from "./roster.ts";
import { liveLeaseMs } from "./worker-leases.ts";
import type { WorkerSession } from "./worker-session.ts";
import { toMachine, toOffers } from "./worker-words.ts";

export type SeatParts = {
  readonly connection: string;
  readonly address: string;
  readonly connectedAt: Instant;
  readonly worker: WorkerRef;
  readonly hello: WorkerHello;
  readonly types: readonly string[];
  readonly life: Life;
  readonly session: () => WorkerSession;
  readonly isTrusted: (worker: WorkerRef) => boolean;
  readonly vitals: () => Vitals | null;
  readonly give: (assignment: Assignment) => boolean;
  readonly kick: () => void;
  readonly tellDraining: (isDraining: boolean) => void;
};

export function createWorkerSeat(parts: SeatParts): Seat {
  const { connection, address, connectedAt, worker, hello, types, life, session } = parts;
  const { vitals, give, kick, tellDraining } = parts;
  return {
    connection,
    worker,
    types,
    address,
    connectedAt,
    slots: hello.slots,
    offers: toOffers(hello.resources),
    machine: toMachine(hello),
    protocol: "v2",
    payloadBytesMax: Number.MAX_SAFE_INTEGER,
    takesBytes: (sizeBytes) => sizeBytes <= frameBodyBytesMax,
    leaseMs: liveLeaseMs,
    life,
    state: () => (parts.isTrusted(worker) ? stateOf(session(), hello.slots) : "quarantined"),
    vitals,
    give,
    kick,
    tellDraining,
  };
}

function stateOf(session: WorkerSession, slots: number): WorkerState {
  if (session.phase === "closed") return "gone";
  if (session.isSilent) return "suspect";
  if (session.phase !== "ready") return "unsure";
  if (session.isLeaving || session.window === 0) return "draining";
  return session.heldCount < Math.min(slots, session.window) ? "ready" : "busy";
}
