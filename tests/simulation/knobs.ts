// What differs from seed to seed: how slow the disks are, how bad the workers, which faults come how often.
// Some seeds are mild and some are cruel, since each hides what the other shows.

import type { JobType } from "../../src/domain/job-type.ts";
import type { Chance } from "./chance.ts";

/** The group whose jobs are limited, over all types. */
export const limitedGroup = "g1";

export type Knobs = {
  /** Longest wait of a write for its commit. */
  readonly commitMsMax: number;
  /** Longest wait of a read of the job store; 0 is a store in the same process. */
  readonly readMsMax: number;
  /** Longest wait for bytes of the blob store. */
  readonly blobMsMax: number;
  /** How often the blob store fails to open or delete. */
  readonly blobErrorRate: number;
  /** From one sweep for garbage to the next; null is never. */
  readonly sweepMs: number | null;
  readonly linkMsMax: number;
  /** By how much some frames are slower. */
  readonly linkSlownessMax: number;
  readonly workersPerTypeMax: number;
  /** Workers without a socket, for each type. */
  readonly pullersPerTypeMax: number;
  readonly misbehaviourRate: number;
  /** Longest time that a worker stays away. */
  readonly absenceMsMax: number;
  readonly failureRate: number;
  readonly clientCount: number;
  readonly clientPauseMsMax: number;
  /** Longest that a job is put off, or may wait. */
  readonly putOffMsMax: number;
  readonly activeMs: number;
  readonly faultPauseMsMax: number;
  /** Longest that the disk stays full. */
  readonly fullMsMax: number;
  readonly wallJumps: boolean;
  /** Above it bytes go to the blob store. */
  readonly smallBlobBytesMax: number;
  /** Payloads above it fit no worker. */
  readonly classicBytesMax: number;
  readonly oversizeRate: number;
  readonly poisonRate: number;
  /** How many jobs of the limited group may run at once. */
  readonly groupRunningMax: number | null;
  /** Workers that speak v2. */
  readonly v2WorkersMax: number;
  /** Longest that a job takes there. */
  readonly v2JobMsMax: number;
  /** Longest until what they keep is on their disks. */
  readonly v2SyncMsMax: number;
  /** Their results above it go by a request of their own. */
  readonly v2BodyBytesMax: number;
  readonly v2HarmPauseMsMax: number;
  /** How often a job takes long there, and longest that a worker is away or its words are on their way. */
  readonly v2LongRate: number;
  readonly v2AwayMsMax: number;
  /** Above what travels in a frame: how often a payload is so large. */
  readonly largeRate: number;
  readonly types: readonly JobType[];
};

/** A long life in which most jobs could be done by workers of v2 alone, which are often away for long. */
export const lonely = {
  v2WorkersMax: 4,
  v2JobMsMax: 60_000,
  v2LongRate: 0.5,
  v2AwayMsMax: 150_000,
  v2HarmPauseMsMax: 30_000,
  v2BodyBytesMax: 65_536,
  activeMs: 1_200_000,
  faultPauseMsMax: 400_000,
  clientPauseMsMax: 20_000,
  oversizeRate: 0.9,
  workersPerTypeMax: 1,
  pullersPerTypeMax: 0,
} as const satisfies Partial<Knobs>;

export function turnKnobs(chance: Chance): Knobs {
  // Some lives are long and quiet: what waits for minutes shows there alone.
  const isQuiet = chance.is(0.25);
  const knobs = {
    commitMsMax: chance.pick([0, 2, 10, 30]),
    readMsMax: chance.pick([0, 0, 0, 3]),
    blobMsMax: chance.pick([0, 2, 40, 400]),
    blobErrorRate: chance.pick([0, 0, 0, 0.02]),
    sweepMs: chance.pick(isQuiet ? [null, 20_000] : [null, 400, 7_000]),
    linkMsMax: chance.pick([0, 5, 50]),
    linkSlownessMax: chance.pick([1, 20, 200]),
    workersPerTypeMax: chance.pick([1, 2, 4]),
    pullersPerTypeMax: chance.pick([0, 0, 1, 2]),
    misbehaviourRate: chance.pick([0, 0.05, 0.2]),
    failureRate: chance.pick([0, 0.05, 0.3]),
    absenceMsMax: chance.pick([1_000, 3_000, 30_000]),
    clientCount: isQuiet ? 1 : chance.between(1, 5),
    clientPauseMsMax: isQuiet ? 60_000 : chance.pick([300, 1_500, 4_000]),
    putOffMsMax: isQuiet ? 600_000 : 20_000,
    activeMs: isQuiet ? 1_200_000 : chance.between(20_000, 60_000),
    faultPauseMsMax: isQuiet ? 400_000 : chance.pick([2_000, 8_000, 30_000]),
    fullMsMax: isQuiet ? 60_000 : 3_000,
    wallJumps: chance.is(0.3),
    smallBlobBytesMax: chance.pick([0, 48, 10_000]),
    classicBytesMax: 400,
    oversizeRate: chance.pick([0, 0.02, 0.3]),
    poisonRate: chance.pick([0, 0.02, 0.1]),
    groupRunningMax: chance.pick([null, 1, 2]),
    types: [
      aType("a", { resultBecomes: "b" }),
      aType("b", { resultBecomes: "c", timeoutMs: chance.pick([null, 4_000]) }),
      aType("c", { maxAttempts: 1 + chance.between(0, 3) }),
      aType("d", { timeoutMs: 2_000, maxAttempts: 5, maxCrashes: chance.between(1, 4) }),
    ],
  };
  return {
    ...knobs,
    v2WorkersMax: chance.pick([0, 2, 4]),
    v2JobMsMax: isQuiet ? chance.pick([5_000, 150_000]) : chance.pick([500, 5_000, 60_000]),
    v2LongRate: isQuiet ? 0.6 : 0.15,
    v2AwayMsMax: isQuiet ? 150_000 : chance.pick([1_000, 30_000]),
    v2SyncMsMax: chance.pick([0, 20, 2_000]),
    v2BodyBytesMax: chance.pick([65_536, 100, 40]),
    v2HarmPauseMsMax: isQuiet ? 100_000 : chance.pick([2_000, 8_000, 30_000]),
    largeRate: chance.pick([0, 0.01]),
    ...(isQuiet && chance.is(0.3) && lonely),
  };
}

function aType(name: string, its: Partial<JobType>): JobType {
  return {
    name,
    description: null,
    resultBecomes: null,
    timeoutMs: null,
    maxAttempts: 3,
    maxCrashes: 3,
    resumeGraceMs: 600_000,
    payloadBytesMax: 100_000,
    ...its,
  };
}
