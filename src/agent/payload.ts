// How a job's payload comes into the worker's hands, checked against its hash: with the job, or by a download. What
// came damaged with the job is asked for once more.

import { join } from "node:path";
import { removeTree } from "../platform/durable-files.ts";
import { ownPayloadUrl } from "./transfer/address.ts";
import { nameOf } from "./conversation/attempts.ts";
import type { JobMessage } from "./conversation/conversation-words.ts";
import type { JobBytes } from "./runner.ts";
import type { Transfers } from "./transfer/transfer.ts";

export type PayloadDeps = {
  readonly transfers: Pick<Transfers, "download">;
  readonly sha256Hex: (bytes: Uint8Array) => string;
  readonly payloadsFolder: string;
  /** The disk was full, or failed. */
  readonly onNoSpace: (error: unknown) => void;
};

export type PayloadEnd =
  | { readonly kind: "there"; readonly payload: JobBytes }
  /** The server knows nothing of the attempt any more. */
  | { readonly kind: "gone" }
  | { readonly kind: "stopped" | "no_space" }
  /** Neither the job nor the payload is to blame. */
  | { readonly kind: "unreachable"; readonly why: string }
  | { readonly kind: "failed"; readonly info: string };

/** What came with the job; null when it is to be fetched. */
export function payloadWith(
  { sha256Hex }: PayloadDeps,
  job: JobMessage,
  body: Uint8Array,
): JobBytes | null {
  const isThere = job.url === undefined && body.length === job.size;
  return isThere && sha256Hex(body) === job.sha256 ? { kind: "bytes", bytes: body } : null;
}

export async function fetchPayload(
  { transfers, payloadsFolder, onNoSpace }: PayloadDeps,
  job: JobMessage,
  stop: AbortSignal,
): Promise<PayloadEnd> {
  const path = join(payloadsFolder, nameOf(job));
  const url = job.url ?? ownPayloadUrl(job.job, job.attempt);
  const end = await transfers.download({ ...job, url, path }, stop).catch((error: unknown) => {
    onNoSpace(error);
    return { kind: "no_space" } as const;
  });
  if (end.kind === "done") {
    return { kind: "there", payload: { kind: "file", path, sizeBytes: job.size } };
  }
  await removeTree(path);
  if (end.kind !== "refused") return end;
  switch (end.code) {
    case "unreachable":
      return { kind: "unreachable", why: end.detail };
    case "forbidden":
    case "no-such-job":
    case "unauthenticated":
      return { kind: "gone" };
    case "digest-mismatch":
      return { kind: "failed", info: `${end.detail} It was not run.` };
    default:
      return { kind: "failed", info: `The payload could not be fetched. ${end.detail}` };
  }
}
