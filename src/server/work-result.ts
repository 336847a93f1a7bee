// Results on their way in: whole, or in parts that a worker goes on with after its connection or the server was
// gone. A verdict is told only after the commit; until then the worker keeps its copy.

import type { Broker } from "../broker/broker.ts";
import type { PulledWork } from "../broker/pull-work.ts";
import type { Verdict } from "../broker/settle.ts";
import type { DoneJob } from "../domain/job.ts";
import { GridError } from "../domain/errors.ts";
import type { NewContent } from "../domain/blob-ref.ts";
import { announcedSha256, requireSameDigest } from "./content-digest.ts";
import { readContentRange, type Part } from "./content-range.ts";
import type { PartUpload, PartUploads } from "./part-uploads.ts";
import type { Patience, Timers } from "./patience.ts";
import { behindSame } from "./same-bytes.ts";
import { watched } from "./sign-of-life.ts";
import { keptContentType, refuseEncoding, type Hash } from "./submission.ts";
import type { Uploads } from "./uploads.ts";

export type ResultDeps = {
  readonly broker: Pick<Broker, "stage" | "discard" | "open">;
  readonly uploads: Uploads;
  readonly partUploads: PartUploads;
  readonly patience: Patience;
  readonly createHash: () => Hash;
};

/** Opens the work anew, as it stands now. */
type Open = () => Promise<PulledWork>;

type ResultDoor = {
  /** `tell`: how much of an upload in parts is kept. */
  put(
    request: Request,
    server: Timers,
    open: Open,
    tell: (offset: number) => void,
  ): Promise<Response>;
  head(request: Request, server: Timers, open: Open): Promise<Response>;
};

export function createResultDoor(deps: ResultDeps): ResultDoor {
  const { partUploads, patience } = deps;

  return {
    async put(request, server, open, tell) {
      refuseEncoding(request.headers.get("content-encoding"));
      const part = readContentRange(request);
      const work = await open();
      if (work.foregone !== null) return answer(work.foregone);
      if (part === null) return putWhole(deps, request, server, work);
      refuseTooLarge(part, work);
      patience.extend(request, server); // Another request may have to end first.
      return partUploads.alone(nameOf(work), async (upload) => {
        const fresh = await open(); // That one may have completed the job.
        if (fresh.foregone !== null) return answer(fresh.foregone);
        if (isDoneBy(fresh)) return compare(deps, request, server, fresh.job, part);
        try {
          const answered = await putPart(deps, request, server, { work: fresh, part, upload });
          tell(upload.stands()?.size ?? part.total);
          return answered;
        } catch (error) {
          tell(upload.stands()?.size ?? 0);
          throw error;
        }
      });
    },
    async head(request, server, open) {
      const name = nameOf(await open());
      patience.extend(request, server);
      return partUploads.alone(name, async (upload) => {
        const work = await open();
        const stands = isDoneBy(work)
          ? { size: work.job.result.size, total: work.job.result.size }
          : upload.stands();
        const headers = new Headers({ "Upload-Offset": String(stands?.size ?? 0) });
        headers.set("Upload-Complete", isDoneBy(work) ? "?1" : "?0");
        if (stands !== null) headers.set("Upload-Length", String(stands.total));
        return new Response(null, { headers });
      });
    },
  };
}

async function putWhole(
  deps: ResultDeps,
  request: Request,
  server: Timers,
  work: PulledWork,
): Promise<Response> {
  const { broker, uploads, partUploads } = deps;
  const announced = announcedSha256(request);
  const kept = { sizeBytesMax: work.type.payloadBytesMax, contentType: typeOf(request) };
  const result = await uploads.receive(request, server, kept.sizeBytesMax, (bytes) =>
    broker.stage(watched(bytes, work.renew), kept),
  );
  await requireDigest(deps, announced, result);
  const verdict = await work.complete(result);
  await partUploads.alone(nameOf(work), (upload) => upload.forget());
  return answer(verdict);
}

type PartWork = { readonly work: PulledWork; readonly part: Part; readonly upload: PartUpload };

async function putPart(
  deps: ResultDeps,
  request: Request,
  server: Timers,
  { work, part, upload }: PartWork,
): Promise<Response> {
  const { broker, uploads, patience } = deps;
  const announced = announcedSha256(request);
  const hash = announced === null ? null : deps.createHash();
  const sizeBytesMax = work.type.payloadBytesMax;
  const contentType = typeOf(request);
  const offset = await uploads.receive(request, server, sizeBytesMax, (bytes) => {
    const seen = watched(bytes, (chunk) => {
      work.renew();
      hash?.update(chunk);
    });
    return upload.take(part, seen, () => {
      if (hash !== null) requireSameDigest(announced, hash.hex());
    });
  });
  if (offset < part.total) {
    return Response.json({ upload_offset: offset }, { status: 202 });
  }
  patience.lift(request, server); // Large ones take a while to be read again.
  try {
    const whole = watched(await upload.read(), work.renew);
    const result = await broker.stage(whole, { sizeBytesMax, contentType });
    const verdict = await work.complete(result);
    await upload.forget();
    return answer(verdict);
  } finally {
    patience.restore(request, server);
  }
}

/** A part sent again of a result that stands: its sender did not hear that. */
async function compare(
  { broker, uploads }: ResultDeps,
  request: Request,
  server: Timers,
  { result }: DoneJob,
  { start, end, total }: Part,
): Promise<Response> {
  if (total !== result.size) return answer("conflict");
  const bytes = await broker.open(result, { start, length: end - start });
  const standing = bytes instanceof ReadableStream ? bytes : once(bytes);
  const other = new GridError("malformed", "These are other bytes.");
  try {
    await uploads.receive(request, server, end - start, async (sent) => {
      for await (const _ of behindSame(sent, standing, () => other)) throw other;
    });
  } catch (error) {
    if (error === other) return answer("conflict");
    throw error;
  }
  return answer("committed");
}

async function requireDigest(
  { broker }: ResultDeps,
  announced: string | null,
  result: NewContent,
): Promise<void> {
  try {
    requireSameDigest(announced, result.sha256);
  } catch (error) {
    await broker.discard(result);
    throw error;
  }
}

function refuseTooLarge({ total }: Part, { type }: PulledWork): void {
  if (total <= type.payloadBytesMax) return;
  throw new GridError(
    "payload-too-large",
    `The result has ${total} bytes; ${type.payloadBytesMax} are allowed here. Raise payload_bytes_max or send less.`,
    { size_bytes_max: type.payloadBytesMax },
  );
}

function isDoneBy(work: PulledWork): work is PulledWork & { readonly job: DoneJob } {
  return work.job.status === "done" && work.job.by === work.attempt;
}

/** Never the job's key: this becomes the name of a file. */
function nameOf({ job, attempt }: PulledWork): string {
  return `${job.id}.${attempt}`;
}

function typeOf(request: Request): string | null {
  return keptContentType(request.headers.get("content-type"));
}

function answer(verdict: Verdict): Response {
  return Response.json({ verdict });
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}
