// The matrix: how a cable fails, for how long, and what is under way when it does.

import type { Toxic, Trap } from "../../support/chaos-proxy.ts";
import type { JobSpec } from "./grid.ts";

/** What is under way. `ends-away`: the job runs when the cable fails, and ends before it is whole again. */
export const phases = [
  "idle",
  "payload-small",
  "payload-large",
  "running",
  "ends-away",
  "result-small",
  "result-large",
  "receipt-small",
  "receipt-large",
] as const;
export type Phase = (typeof phases)[number];

export const toxics: readonly Toxic[] = ["reset", "close", "black-hole", "up-only", "down-only"];

export type Cell = {
  readonly toxic: Toxic;
  readonly ms: number;
  readonly phase: Phase;
  /** Another agent could do the job. */
  readonly hasStandIn: boolean;
};

export function nameOf({ toxic, ms, phase, hasStandIn }: Cell): string {
  return `${phase}/${toxic}/${ms / 1000}s${hasStandIn ? "/stand-in" : ""}`;
}

export function crossing(
  of: readonly Toxic[],
  lengths: readonly number[],
  hasStandIn = false,
  during: readonly Phase[] = phases,
): readonly Cell[] {
  return during.flatMap((phase) =>
    of.flatMap((toxic) => lengths.map((ms) => ({ toxic, ms, phase, hasStandIn }))),
  );
}

const small = 40_000; // Travels within a message, in more than one piece.
const large = 2 * 1024 * 1024; // Travels by a request of its own.

export function jobOf({ phase, ms }: Cell): JobSpec {
  const [what, size] = phase.split("-") as [string, string?];
  const bytes = size === "large" ? large : small;
  return {
    napMs: phase === "running" ? ms + 500 : phase === "ends-away" ? ms / 2 : 0,
    payloadBytes: what === "payload" ? bytes : 100,
    resultBytes: what === "result" || what === "receipt" ? bytes : 100,
  };
}

/** Where on the cable the phase is; null where the ledger or nothing tells. */
export function trapOf({ phase }: Cell): Trap | null {
  const socket = /^GET \/api\/worker/;
  switch (phase) {
    case "idle":
    case "running":
    case "ends-away":
      return null;
    case "payload-small":
      return { request: socket, direction: "down", afterBytes: small / 2 };
    case "payload-large":
      return { request: /^GET .*\/payload$/, direction: "down", afterBytes: large / 2 };
    case "result-small":
      return { request: socket, direction: "up", afterBytes: small / 2 };
    case "result-large":
      return { request: /^PUT .*\/result$/, direction: "up", afterBytes: large / 2 };
    case "receipt-small":
      return { request: socket, direction: "down", before: '"op":"receipt"' };
    case "receipt-large":
      return { request: /^PUT .*\/result$/, direction: "down", before: "HTTP/1.1 200" };
    default:
      return phase satisfies never;
  }
}

/** Shorter, nobody is given up and nothing counts as not delivered. */
const lostMsMin = 30_000;

/** Whether it lasted so long; a connection that was forgotten is missed only after its silence was noticed. */
function isLong({ toxic, ms }: Cell): boolean {
  return toxic === "forgotten" || ms >= lostMsMin;
}

/** How often the command may have been run. */
export function executionsMax(cell: Cell): number {
  const { phase, hasStandIn } = cell;
  if (!isLong(cell)) return 1;
  // A job whose delivery failed for so long is sent again; one that was given up goes to whoever could do it. That may
  // be the agent whose large result is still on its way, when it is heard again before the result is.
  const again: readonly Phase[] = ["idle", "payload-small", "payload-large", "result-large"];
  return hasStandIn || again.includes(phase) ? 2 : 1;
}

/** Whether an attempt may have been given up, or may not have arrived. */
export function mayBeLost(cell: Cell): boolean {
  return isLong(cell);
}
