// What a worker lacks for a job, and what kind of worker would do, in words for people.

import { unreachable } from "../domain/assert.ts";
import {
  shortOf,
  type Amounts,
  type Needs,
  type Offerer,
  type Shortage,
} from "../domain/requirements.ts";
import { formatSize } from "../domain/size.ts";

type Amount = Exclude<Shortage, "worker" | "tag">;

/** What of the requirements the worker does not have, even if it had nothing to do. */
export function describeShortage(needs: Needs, offerer: Offerer): string {
  const short = shortOf(needs, offerer);
  if (short === null) return "It has what the job requires.";
  if (short === "worker") return `The job requires the worker ${needs.workerId} and no other.`;
  if (offerer.offers === null) {
    return "The job has requirements, and this worker's protocol does not tell what it offers.";
  }
  if (short === "tag") {
    const missing = needs.tags.filter((tag) => offerer.offers?.tags.includes(tag) !== true);
    return `The job requires ${tagsOf(missing)}, which it does not have.`;
  }
  return `The job requires ${amountOf(short, needs)}; it offers ${amountOf(short, offeredBy(offerer))}.`;
}

/** What of the requirements is taken by the jobs that the worker holds. */
export function describeTaken(needs: Needs, offerer: Offerer, held: Amounts): string {
  const short = shortOf(needs, offerer, held);
  if (short === null || short === "worker" || short === "tag") return "It has room for the job.";
  const [all, taken] = [amountOf(short, offeredBy(offerer)), amountOf(short, held)];
  return `The job requires ${amountOf(short, needs)}; of its ${all} the jobs it holds take ${taken}.`;
}

/** What a worker would have to be like, when none of these has what is required. */
export function describeWanted(needs: Needs, offerers: readonly Offerer[]): string {
  const { workerId } = needs;
  const named = offerers.filter((one) => workerId === null || one.workerId === workerId);
  if (workerId !== null && named.length === 0) {
    return `Only the worker ${workerId} may run it: connect that one.`;
  }
  const who = workerId === null ? "a worker" : `the worker ${workerId}`;
  const wanted = amountNames.flatMap((name) => wantedOf(name, needs, named));
  const tags = needs.tags.filter((tag) => !named.some(({ offers }) => offers?.tags.includes(tag)));
  if (wanted.length + tags.length === 0) return "None of them has all of it: connect one that has.";
  const parts = [
    ...(wanted.length > 0 ? [`with ${wanted.join(" and ")}`] : []),
    ...(tags.length > 0 ? [`started with ${tags.map((tag) => `--tag ${tag}`).join(" ")}`] : []),
  ];
  return `Connect ${who} ${parts.join(", ")}.`;
}

const amountNames = ["cpus", "mem", "gpu"] as const satisfies readonly Amount[];

function wantedOf(name: Amount, needs: Needs, offerers: readonly Offerer[]): readonly string[] {
  const most = Math.max(0, ...offerers.map((one) => numberOf(name, offeredBy(one))));
  if (numberOf(name, needs) <= most) return [];
  const least = amountOf(name, needs);
  return [most === 0 ? least : `${least} (the most there is now: ${wordsOf(name, most)})`];
}

function offeredBy({ offers }: Offerer): Amounts {
  return {
    milliCpus: Math.round((offers?.cpus ?? 0) * 1000),
    memoryBytes: offers?.memoryBytes ?? 0,
    gpus: offers?.gpus ?? 0,
  };
}

function numberOf(name: Amount, { milliCpus, memoryBytes, gpus }: Amounts): number {
  return { cpus: milliCpus, mem: memoryBytes, gpu: gpus }[name];
}

function amountOf(name: Amount, amounts: Amounts): string {
  return wordsOf(name, numberOf(name, amounts));
}

function wordsOf(name: Amount, number: number): string {
  switch (name) {
    case "cpus":
      return `${number / 1000} ${number === 1000 ? "processor" : "processors"}`;
    case "mem":
      return `${sizeOf(number)} of memory`;
    case "gpu":
      return `${number} ${number === 1 ? "GPU" : "GPUs"}`;
    default:
      return unreachable(name);
  }
}

/** Exact where that is short; what a machine tells seldom is. */
function sizeOf(bytes: number): string {
  const exact = formatSize(bytes);
  if (!exact.endsWith(" KiB") && !exact.endsWith(" B")) return exact;
  return bytes < 1024 ** 3 ? exact : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

function tagsOf(tags: readonly string[]): string {
  return `${tags.length === 1 ? "the tag" : "the tags"} ${tags.join(", ")}`;
}
