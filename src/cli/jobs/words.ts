// How a job is spoken of, in tables and sentences alike.

import type { WireJob } from "../../client/index.ts";
import type { Status } from "../../domain/job.ts";
import type { Colour } from "../output.ts";
import { spanText } from "../time-text.ts";

/** `12 frame-0001`: the number that people type, and the key that they gave. */
export function jobName({ seq, key }: Pick<WireJob, "seq" | "key">): string {
  return `${seq} ${key}`;
}

export function isSettled({ status }: Pick<WireJob, "status">): boolean {
  return status === "done" || status === "failed" || status === "cancelled";
}

export const statusColours: Readonly<Record<Status, Colour | null>> = {
  pending: null,
  running: "cyan",
  done: "green",
  failed: "red",
  cancelled: "yellow",
};

/** Instants of the API as milliseconds. */
export function millisecondsOf(instant: string): number {
  return Temporal.Instant.from(instant).epochMilliseconds;
}

/** How long the newest attempt ran, or runs. */
export function runText(job: WireJob, nowMs: number): string {
  if (job.started === null || job.status === "pending") return "";
  const endMs = job.ended === null ? nowMs : millisecondsOf(job.ended);
  return spanText(endMs - millisecondsOf(job.started));
}

/** What there is to say beyond the status. */
export function noteText(job: WireJob): string {
  if (job.status === "running" && job.progress !== null) return progressText(job.progress);
  if (job.status === "failed") return job.info ?? job.reason ?? "";
  return job.info ?? job.description ?? "";
}

export function progressText({ percent, info }: NonNullable<WireJob["progress"]>): string {
  return [percent === null ? null : `${Math.round(percent)} %`, info].filter(Boolean).join(" ");
}

/** Jobs per second, or per minute where they are slow; empty while nothing moves. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return "";
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`;
}

export function countText(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
