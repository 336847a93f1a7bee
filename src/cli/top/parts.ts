// The tables of `gridlike top`: types, groups, workers, failures. Each is its head and a line for each row; without rows
// it is only a head, or nothing, and is not shown.

import type { WireGroup, WireStats, WireWorker } from "../../client/index.ts";
import type { Status } from "../../domain/job.ts";
import { millisecondsOf, rateText, statusColours } from "../jobs/words.ts";
import type { Colour } from "../output.ts";
import { ageText, spanText } from "../time-text.ts";
import { toRows, type Column, type Line } from "./cells.ts";
import type { Failure, TopState } from "./state.ts";

type TypeCounts = {
  readonly name: string | null;
  readonly counts: Readonly<Record<Status, number>>;
};

/** Nothing on a server without types: the head says it all. */
export function typeRows({ stats }: TopState, width: number): readonly Line[] {
  const types = countsByType(stats);
  if (types.every(({ name }) => name === null)) return [];
  const count = (name: string, status: Status, rank?: number): Column<TypeCounts> => ({
    name,
    text: ({ counts }) => (counts[status] === 0 ? "" : String(counts[status])),
    colour: () => statusColours[status],
    isRight: true,
    ...(rank === undefined ? {} : { rank }),
  });
  const columns = [
    { name: "TYPE", text: ({ name }: TypeCounts) => name ?? "-", columnsMax: 32 },
    count("PENDING", "pending"),
    count("RUNNING", "running"),
    count("DONE", "done"),
    count("FAILED", "failed", 1),
    count("CANCELLED", "cancelled", 2),
  ];
  return toRows(columns, types, width);
}

/** Those with open jobs first, so that they are seen where not all are. */
function countsByType({ jobs }: WireStats): readonly TypeCounts[] {
  const types = new Map<string | null, Record<Status, number>>();
  for (const { type, status, count } of jobs) {
    const known = types.get(type) ?? { pending: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
    known[status] += count;
    types.set(type, known);
  }
  const isOpen = ({ counts }: TypeCounts) => counts.pending + counts.running > 0;
  return [...types]
    .map(([name, counts]) => ({ name, counts }))
    .toSorted(
      (a, b) => Number(isOpen(b)) - Number(isOpen(a)) || compare(a.name ?? "", b.name ?? ""),
    );
}

export function groupRows({ groups, nowMs }: TopState, width: number): readonly Line[] {
  const leftText = ({ estimated_end: end }: WireGroup) =>
    end === null ? "" : spanText(Math.max(0, millisecondsOf(end) - nowMs));
  const columns: readonly Column<WireGroup>[] = [
    { name: "GROUP", text: ({ group }) => group, columnsMax: 32 },
    { name: "", text: barText, rank: 4 },
    {
      name: "DONE",
      text: ({ jobs, total }) => `${jobs.done}/${total}`,
      isRight: true,
    },
    { name: "RUNNING", text: ({ jobs }) => textOf(jobs.running), isRight: true, rank: 2 },
    {
      name: "FAILED",
      text: ({ jobs }) => textOf(jobs.failed),
      colour: () => "red",
      isRight: true,
      rank: 1,
    },
    { name: "RATE", text: ({ done_rate: rate }) => rateText(rate), isRight: true, rank: 3 },
    { name: "LEFT", text: leftText },
  ];
  return toRows(columns, groups, width);
}

const barColumns = 20;

function barText({ total, jobs }: WireGroup): string {
  const settled = jobs.done + jobs.failed + jobs.cancelled;
  const filled = total === 0 ? 0 : Math.floor((settled / total) * barColumns);
  return `[${"#".repeat(filled)}${"-".repeat(barColumns - filled)}]`;
}

const stateColours: { readonly [state: string]: Colour } = {
  ready: "green",
  busy: "cyan",
  gone: "red",
  suspect: "red",
  quarantined: "yellow",
  draining: "yellow",
};

export function workerRows({ workers }: TopState, width: number): readonly Line[] {
  const columns: readonly Column<WireWorker>[] = [
    { name: "WORKER", text: ({ name }) => name, columnsMax: 32 },
    {
      name: "STATE",
      text: ({ state }) => state,
      colour: ({ state }) => stateColours[state] ?? null,
    },
    { name: "BUSY", text: (worker) => `${busySlots(worker)}/${worker.slots}`, isRight: true },
    {
      name: "AHEAD",
      text: (one) => textOf(one.jobs.length - busySlots(one)),
      isRight: true,
      rank: 4,
    },
    { name: "LOAD", text: ({ vitals }) => vitals?.load?.toFixed(2) ?? "", isRight: true, rank: 1 },
    { name: "CPU", text: cpuText, isRight: true, rank: 2 },
    { name: "MEMORY", text: memoryText, isRight: true, rank: 3 },
    { name: "DONE", text: ({ done_count: count }) => String(count), isRight: true, rank: 5 },
    {
      name: "FAILED",
      text: ({ failed_count: count }) => textOf(count),
      colour: () => "red",
      isRight: true,
      rank: 6,
    },
    { name: "TYPES", text: ({ types }) => types.join(" "), columnsMax: 32, rank: 7 },
  ];
  const byName = workers.toSorted(
    (a, b) => compare(a.name, b.name) || compare(a.connection, b.connection),
  );
  return toRows(columns, byName, width);
}

/** Jobs that wait in its hands keep no slot. */
export function busySlots({ jobs, slots }: WireWorker): number {
  return Math.min(jobs.length, slots);
}

/** The mean of all processors. */
function cpuText({ vitals }: WireWorker): string {
  const cpu = vitals?.cpu ?? [];
  const sum = cpu.reduce((total, share) => total + share, 0);
  return cpu.length === 0 ? "" : `${Math.round((sum / cpu.length) * 100)}%`;
}

function memoryText({ vitals }: WireWorker): string {
  const { memory_used_bytes: used = null, memory_bytes: all = null } = vitals ?? {};
  if (used === null) return "";
  return all === null ? `${gibibytes(used)} GiB` : `${gibibytes(used)}/${gibibytes(all)} GiB`;
}

function gibibytes(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}

export function failureRows({ failures, nowMs }: TopState, width: number): readonly Line[] {
  const columns: readonly Column<Failure>[] = [
    { name: "FAILURE", text: ({ seq, key }) => `${seq} ${key}`, columnsMax: 32 },
    { name: "AGO", text: ({ at }) => ageText(nowMs - millisecondsOf(at)), isRight: true },
    { name: "WORKER", text: ({ worker }) => worker ?? "", columnsMax: 24, rank: 2 },
    {
      name: "THEN",
      text: ({ isFinal }) => (isFinal ? "failed" : "tried again"),
      colour: ({ isFinal }) => (isFinal ? "red" : "yellow"),
      rank: 1,
    },
    { name: "WHY", text: ({ info }) => info ?? "", isRest: true },
  ];
  return toRows(columns, failures, width);
}

function textOf(count: number): string {
  return count === 0 ? "" : String(count);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
