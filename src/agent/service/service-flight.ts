// One job in the hands of one life of a warm service: the request, and what became of it.
//
// When a service ends with one job in its hands, that job fails. With several nobody knows whose fault it was: each is
// given back uncharged, unless it was there when an earlier one ended. So a deadly job is found out the second time.

import { crashNoticeMs, crashWitnessCountMax } from "../../domain/limits-worker.ts";
import { errorCodeOf } from "../../platform/durable-files.ts";
import { isRefused, requestLocal } from "../../platform/local-service.ts";
import { withinMs } from "../warm/job-limit.ts";
import type { JobLimit } from "../warm/job-limit.ts";
import { failed } from "../command/judge-end.ts";
import { untilOutputIsRead } from "../warm/last-output.ts";
import type { Assignment, Outcome, Report } from "../runner.ts";
import { outcomeOf, requestOf } from "./service-contract.ts";
import type { ServiceContract } from "./service-contract.ts";
import type { Flight, Life, LifeEnd } from "./service-life.ts";
import { wordsInWords } from "../warm/warm-process.ts";
import type { WarmDeps } from "../warm/warm-process.ts";

/** `refused`: nobody listened any more, so the job was not even begun. `abandoned`: its limit was reached. */
export type FlightEnd = Outcome | { readonly kind: "refused" } | { readonly kind: "abandoned" };

/** Jobs that were in the hands of a service when it ended, in company. */
export type CrashWitnesses = { wasThereBefore(job: string): boolean };

export type FlightDeps = WarmDeps & {
  readonly contract: ServiceContract;
  readonly witnesses: CrashWitnesses;
};

export async function fly(
  life: Life,
  assignment: Assignment,
  report: Report,
  limit: JobLimit,
  deps: FlightDeps,
): Promise<FlightEnd> {
  const request = requestOf(deps.contract, assignment);
  if (typeof request === "string") return { ...failed(request), retryable: false };
  const flight: Flight = { job: assignment.job, report };
  life.flights.add(flight);
  try {
    const send = { method: "POST", ...request } as const;
    const answer = await requestLocal(life.address, send, limit.signal);
    const outcome = await outcomeOf(deps.contract, answer, { ...assignment, ...deps });
    await untilOutputIsRead();
    return outcome;
  } catch (error) {
    if (limit.fired() !== null) return { kind: "abandoned" };
    if (isRefused(error)) return { kind: "refused" };
    const end = await withinMs(life.ended, crashNoticeMs, deps.clock);
    if (end !== null) return afterCrash(end, flight, deps.witnesses);
    const code = errorCodeOf(error);
    if (code === null) throw error;
    return failed(`The service broke the connection before its answer was complete (${code}).`);
  } finally {
    life.flights.delete(flight);
  }
}

function afterCrash(end: LifeEnd, { job }: Flight, witnesses: CrashWitnesses): Outcome {
  if (end.kind === "asked") return { kind: "released", why: "preempted" };
  const { info, lastWords, exitCode, signal, flights } = end;
  const wasAlone = flights.length < 2;
  if (!wasAlone && !witnesses.wasThereBefore(job)) return { kind: "released", why: "preempted" };
  const company = wasAlone ? "" : ` It had ${flights.length} jobs in its hands.`;
  return { ...failed(`${info}${company}${wordsInWords(lastWords)}`), exitCode, signal };
}

export function createCrashWitnesses(): CrashWitnesses {
  const jobs = new Set<string>();
  return {
    wasThereBefore(job) {
      if (jobs.has(job)) return true;
      const [oldest] = jobs;
      if (jobs.size >= crashWitnessCountMax && oldest !== undefined) jobs.delete(oldest);
      jobs.add(job);
      return false;
    },
  };
}
