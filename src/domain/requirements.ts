// What a job requires of the worker that runs it, as people write it: `cpus=4,mem=8GiB,gpu=1,tag:x,worker=ID`.
// One text for the same requirements, however they were written: it is stored, compared and shown.

import { assert, unreachable } from "./assert.ts";
import { hasHiddenCharacters } from "./key.ts";
import {
  requiredCpuCountMax,
  requiredGpuCountMax,
  requiresCharactersMax,
  tagCharactersMax,
  tagCountMax,
  workerIdCharactersMax,
} from "./limits.ts";
import { didYouMean } from "./nearest.ts";
import { formatSize, parseSize } from "./size.ts";
import type { Offers } from "./worker.ts";

/** What a job takes of a worker while it runs. Thousandths, so that sums are exact; 0 is none. */
export type Amounts = {
  readonly milliCpus: number;
  readonly memoryBytes: number;
  readonly gpus: number;
};

export type Needs = Amounts & {
  /** Each once, sorted. */
  readonly tags: readonly string[];
  /** The one worker that may run it, by its id. */
  readonly workerId: string | null;
};

/** A worker as far as requirements go. */
export type Offerer = { readonly workerId: string; readonly offers: Offers | null };

/** What is short, in the words of the option. */
export type Shortage = "worker" | "tag" | "cpus" | "mem" | "gpu";

export type ParsedNeeds =
  | { readonly kind: "needs"; readonly needs: Needs }
  | { readonly kind: "problem"; readonly problem: string };

export const nothingTaken: Amounts = { milliCpus: 0, memoryBytes: 0, gpus: 0 };

const noNeeds: Needs = { ...nothingTaken, tags: [], workerId: null };

const names = ["cpus", "mem", "gpu", "tag", "worker"] as const;
type Name = (typeof names)[number];

const formOf: Readonly<Record<Name, string>> = {
  cpus: "cpus=4",
  mem: "mem=8GiB",
  gpu: "gpu=1",
  tag: "tag:NAME",
  worker: "worker=ID",
};

/** What a person wrote, or a sentence about the first thing in it that is wrong. */
export function parseNeeds(text: string): ParsedNeeds {
  if (text.length > requiresCharactersMax) {
    return refused(`requires has ${text.length} characters; the most is ${requiresCharactersMax}.`);
  }
  let needs = noNeeds;
  const given = new Set<string>();
  for (const item of text.split(",")) {
    const read = readItem(item.trim(), needs);
    if (typeof read === "string") return refused(read);
    // A tag is named by its whole item, the others once each.
    if (given.has(read.what)) return refused(`requires names ${read.what} twice. Name it once.`);
    given.add(read.what);
    needs = read.needs;
  }
  if (needs.tags.length > tagCountMax) {
    return refused(
      `requires has ${needs.tags.length} tags; no worker has more than ${tagCountMax}.`,
    );
  }
  return { kind: "needs", needs: { ...needs, tags: needs.tags.toSorted() } };
}

/** What stands in a job's options: written by `toRequires` alone. */
export function needsOf(requires: string): Needs {
  const parsed = parseNeeds(requires);
  assert(parsed.kind === "needs", "what is stored was checked on its way in");
  return parsed.needs;
}

/** The one text for these requirements. */
export function toRequires({ milliCpus, memoryBytes, gpus, tags, workerId }: Needs): string {
  return [
    ...(milliCpus > 0 ? [`cpus=${milliCpus / 1000}`] : []),
    ...(memoryBytes > 0 ? [`mem=${formatSize(memoryBytes).replace(" ", "")}`] : []),
    ...(gpus > 0 ? [`gpu=${gpus}`] : []),
    ...tags.map((tag) => `tag:${tag}`),
    ...(workerId === null ? [] : [`worker=${workerId}`]),
  ].join(",");
}

/**
 * The first thing of which the worker has too little, when `taken` of what it offers is in use; null when it has
 * enough. What a worker does not tell it does not have.
 */
export function shortOf(
  needs: Needs,
  { workerId, offers }: Offerer,
  taken: Amounts = nothingTaken,
): Shortage | null {
  if (needs.workerId !== null && needs.workerId !== workerId) return "worker";
  for (const tag of needs.tags) if (offers === null || !offers.tags.includes(tag)) return "tag";
  if (needs.milliCpus > 0 && needs.milliCpus + taken.milliCpus > milliCpusOf(offers)) return "cpus";
  const memoryBytes = offers?.memoryBytes ?? 0;
  if (needs.memoryBytes > 0 && needs.memoryBytes + taken.memoryBytes > memoryBytes) return "mem";
  return needs.gpus > 0 && needs.gpus + taken.gpus > (offers?.gpus ?? 0) ? "gpu" : null;
}

/** How many jobs with these needs there is room for beside what is taken; may be infinite. */
export function countThatFit(needs: Needs, offerer: Offerer, taken: Amounts): number {
  if (shortOf(needs, offerer, taken) !== null) return 0;
  const { offers } = offerer;
  return Math.min(
    timesIn(needs.milliCpus, milliCpusOf(offers) - taken.milliCpus),
    timesIn(needs.memoryBytes, (offers?.memoryBytes ?? 0) - taken.memoryBytes),
    timesIn(needs.gpus, (offers?.gpus ?? 0) - taken.gpus),
  );
}

/**
 * At most a thirty-second less than is needed, and exact for common amounts: jobs that each need a few bytes more
 * than the one before have much in common all the same.
 */
export function roughly({ milliCpus, memoryBytes, gpus, ...marks }: Needs): Needs {
  return {
    milliCpus: milliCpus < 1000 ? milliCpus : Math.floor(roundedDown(milliCpus / 1000) * 1000),
    memoryBytes: Math.floor(roundedDown(memoryBytes)),
    gpus: Math.floor(roundedDown(gpus)),
    ...marks,
  };
}

/** A third of a processor has no last digit: what is told is taken by the thousandth. */
function milliCpusOf(offers: Offers | null): number {
  return Math.round((offers?.cpus ?? 0) * 1000);
}

function timesIn(needed: number, left: number): number {
  return needed === 0 ? Number.POSITIVE_INFINITY : Math.floor(left / needed);
}

/** To six binary digits: 32 steps from each power of two to the next, and whole numbers up to 63 as they are. */
function roundedDown(amount: number): number {
  if (amount === 0) return 0;
  const step = 2 ** (Math.floor(Math.log2(amount)) - 5);
  return Math.floor(amount / step) * step;
}

type Read = { readonly what: string; readonly needs: Needs };

function readItem(item: string, needs: Needs): Read | string {
  const [, name = "", sign, rest = ""] = /^([^=:]*)(?:([=:])(.*))?$/s.exec(item) ?? [];
  const word = name.trim();
  const value = rest.trim();
  const known = names.find((one) => one === word);
  if (known === undefined) return unknownItem(item, word);
  if (sign !== (known === "tag" ? ":" : "=")) {
    return `requires has "${shown(item)}": write it as ${formOf[known]}.`;
  }
  const read = readValue(known, value, needs);
  if (typeof read === "string") return `requires has "${shown(item)}": ${read}`;
  return { what: known === "tag" ? `tag:${value}` : known, needs: read };
}

function unknownItem(item: string, word: string): string {
  if (item === "") {
    return `requires has an item that is empty. Write items like ${formOf.cpus},${formOf.mem}.`;
  }
  // "gpus" is as far from "cpus" as from "gpu", and was not meant to be.
  const likely = [...names.filter((one) => one[0] === word[0]), ...names];
  const remedy = didYouMean(word, likely) || ` Known: ${Object.values(formOf).join(", ")}.`;
  return `There is no requirement "${shown(word)}".${remedy}`;
}

/** The needs with this one more, or what it should have been. */
function readValue(name: Name, value: string, needs: Needs): Needs | string {
  switch (name) {
    case "cpus": {
      const milliCpus = /^[0-9]{1,9}(\.[0-9]{1,3})?$/.test(value)
        ? Math.round(Number(value) * 1000)
        : 0;
      if (milliCpus > 0 && milliCpus <= requiredCpuCountMax * 1000) return { ...needs, milliCpus };
      return `give processors from 0.001 to ${requiredCpuCountMax}, such as 4 or 0.5.`;
    }
    case "mem": {
      const memoryBytes = parseSize(value) ?? 0;
      return memoryBytes > 0 ? { ...needs, memoryBytes } : "give a size such as 8GiB or 500MB.";
    }
    case "gpu": {
      const gpus = /^[0-9]{1,9}$/.test(value) ? Number(value) : 0;
      if (gpus > 0 && gpus <= requiredGpuCountMax) return { ...needs, gpus };
      return `give a whole number from 1 to ${requiredGpuCountMax}.`;
    }
    case "tag":
      if (isName(value, tagCharactersMax)) return { ...needs, tags: [...needs.tags, value] };
      return `a tag has 1 to ${tagCharactersMax} characters, and no control or direction characters.`;
    case "worker":
      if (isName(value, workerIdCharactersMax)) return { ...needs, workerId: value };
      return "give the id of a worker, as GET /api/workers has it.";
    default:
      return unreachable(name);
  }
}

function isName(text: string, charactersMax: number): boolean {
  return (
    text !== "" && text.length <= charactersMax && text.isWellFormed() && !hasHiddenCharacters(text)
  );
}

function shown(text: string): string {
  return text.slice(0, 64);
}

function refused(problem: string): ParsedNeeds {
  return { kind: "problem", problem };
}
