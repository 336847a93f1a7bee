// The results of a group as one tar file, made while it is read. Its manifest comes first and must say its size ahead:
// so the jobs are walked over three times, for the size, the manifest and the results. What is done later is left
// out; what is deleted meanwhile breaks the file off, so that it never ends as if it were whole.

import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import type { DoneJob, Instant, Job, JobSeq } from "../domain/job.ts";
import { joinBytes } from "../domain/join-bytes.ts";
import { fileNameBytesMax } from "../domain/limits.ts";
import type { WireManifestLine } from "../protocol/http-api.ts";
import { toWireInstant } from "./instants.ts";
import { tarEnd, tarHeader, tarPadding } from "../protocol/tar.ts";
import { toTypeName } from "./wire.ts";

export type ArchiveDeps = { readonly broker: Pick<Broker, "pages" | "open"> };

const manifestName = "manifest.ndjson";
const encoder = new TextEncoder();

/** The bytes of the file. Holds the numbers of its jobs, and of all else one page at a time. */
export async function* groupArchive(
  deps: ArchiveDeps,
  group: string,
  at: Instant,
): AsyncGenerator<Uint8Array, void, void> {
  const seqs: JobSeq[] = [];
  let size = 0;
  for await (const page of donePages(deps, group)) {
    for (const job of page) {
      seqs.push(job.seq);
      size += manifestLine(job).length;
    }
  }
  yield tarHeader({ name: manifestName, size, modifiedAt: at / 1000 });
  let written = 0;
  for await (const page of samePages(deps, group, seqs)) {
    const lines = joinBytes(page.map(manifestLine));
    written += lines.length;
    yield lines;
  }
  if (written !== size) throw changed(group);
  yield tarPadding(size);
  for await (const page of samePages(deps, group, seqs)) {
    for (const job of page) yield* entry(deps, job);
  }
  yield tarEnd();
}

async function* donePages({ broker }: ArchiveDeps, group: string) {
  for await (const page of broker.pages({ filter: { group, status: "done" } })) {
    yield page.filter(isDone);
  }
}

/** The jobs with these numbers again, all of them or an error. */
async function* samePages(deps: ArchiveDeps, group: string, seqs: readonly JobSeq[]) {
  let place = 0;
  for await (const page of donePages(deps, group)) {
    const same: DoneJob[] = [];
    for (const job of page) {
      const wanted = seqs[place];
      if (wanted === undefined || job.seq < wanted) continue; // It was done later.
      if (job.seq > wanted) throw changed(group);
      same.push(job);
      place += 1;
    }
    if (same.length > 0) yield same;
    if (place === seqs.length) return;
  }
  if (place < seqs.length) throw changed(group);
}

async function* entry(
  { broker }: ArchiveDeps,
  job: DoneJob,
): AsyncGenerator<Uint8Array, void, void> {
  const { size } = job.result;
  const head = tarHeader({ name: fileNameOf(job), size, modifiedAt: job.changedAt / 1000 });
  const bytes = await broker.open(job.result);
  if (bytes instanceof Uint8Array) {
    if (bytes.length !== size) throw damaged(job);
    yield joinBytes([head, bytes, tarPadding(size)]);
    return;
  }
  yield head;
  let written = 0;
  for await (const piece of bytes) {
    written += piece.length;
    if (written > size) throw damaged(job);
    yield piece;
  }
  if (written !== size) throw damaged(job);
  yield tarPadding(size);
}

function manifestLine(job: DoneJob): Uint8Array {
  const { sha256, size, contentType } = job.result;
  const line: WireManifestLine = {
    file: fileNameOf(job),
    key: job.key,
    id: job.id,
    seq: job.seq,
    type: toTypeName(job.type),
    size,
    sha256,
    content_type: contentType,
    ended: toWireInstant(job.changedAt),
  };
  return encoder.encode(`${JSON.stringify(line)}\n`);
}

/** The key, percent-encoded: one flat, harmless name. Where no file system would take it the id serves. */
function fileNameOf({ key, id }: Pick<Job, "key" | "id">): string {
  const name = encodeURIComponent(key).replaceAll(/[!'()*~]/g, percent);
  if (name.length > fileNameBytesMax) return id;
  // The manifest's own name, and names that begin with a dot or a dash, mean something to programs.
  return name === manifestName || /^[.-]/.test(name) ? percent(name) + name.slice(1) : name;
}

function percent(text: string): string {
  return `%${text.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function isDone(job: Job): job is DoneJob {
  return job.status === "done";
}

function changed(group: string): GridError {
  const sentence = `Jobs of the group ${group} were deleted while its results were read. Ask again.`;
  return new GridError("no-such-job", sentence);
}

function damaged({ key }: Job): GridError {
  return new GridError("bytes-forgotten", `The result of the job ${key} is not kept as it was.`);
}
