// Outcomes that workers tell on their socket: a result, a failure, a job given back. What was written down is
// answered with a receipt, and only then; what cannot be taken is refused, and the attempt stays as it is.

import { unreachable } from "../domain/assert.ts";
import type { NewContent } from "../domain/blob-ref.ts";
import { cutToBytes } from "../domain/cut-text.ts";
import { GridError } from "../domain/errors.ts";
import { parseJobRef } from "../domain/key.ts";
import {
  failureInfoCharactersMax,
  failureLogBytesMax,
  frameBodyBytesMax,
} from "../domain/limits.ts";
import { isMediaType } from "../domain/media-type.ts";
import { sha256, sha256Hex } from "../blobs/hashing.ts";
import { isSameDigest } from "../platform/digest.ts";
import type { ReceiptVerdict, WorkerSays } from "../protocol/worker-messages.ts";
import { stageWhole } from "./bytes.ts";
import { describeEnd } from "./describe-end.ts";
import { openWork, type PullWorkDeps } from "./pull-work.ts";
import { complete, fail, giveBack, type Failure } from "./settle.ts";
import type { Hand } from "./worker-hands.ts";
import type { Flaw } from "./worker-session.ts";

export type Outcome = Extract<WorkerSays, { readonly op: "result" | "fail" | "release" }>;

export type FlawDeps = Pick<PullWorkDeps, "typeOf">;

export type OutcomeAnswer =
  | { readonly kind: "receipt"; readonly verdict: ReceiptVerdict }
  | { readonly kind: "refused"; readonly flaw: Flaw };

export function isOutcome(said: WorkerSays): said is Outcome {
  return said.op === "result" || said.op === "fail" || said.op === "release";
}

/** Why an outcome cannot be taken, as far as that shows at once. `hand` is null for an attempt of a former connection. */
export function flawOf(
  deps: FlawDeps,
  said: Outcome,
  body: Uint8Array,
  hand: Hand | null,
): Flaw | null {
  if (hand !== null && !isSameDigest(hand.tokenHash, sha256(Uint8Array.fromHex(said.token)))) {
    return { code: "forbidden", detail: "The token is not that of this attempt." };
  }
  if (said.op !== "result") return null;
  if (body.length > frameBodyBytesMax) {
    const detail = `The result has ${body.length} bytes; a message takes ${frameBodyBytesMax}. PUT it to work/${said.job}/${said.attempt}/result.`;
    return { code: "payload-too-large", detail };
  }
  if (said.size !== body.length || said.sha256 !== sha256Hex(body)) {
    const detail = `The result has ${body.length} bytes with another SHA-256 than announced. Count again, send again.`;
    return { code: "digest-mismatch", detail };
  }
  return hand === null ? null : sizeFlaw(body, deps.typeOf(hand.type).payloadBytesMax);
}

/** Resolves once the outcome is written down, or cannot be. */
export async function takeOutcome(
  deps: PullWorkDeps,
  said: Outcome,
  body: Uint8Array,
  hand: Hand | null,
): Promise<OutcomeAnswer> {
  try {
    return hand === null
      ? await takeStranger(deps, said, body)
      : { kind: "receipt", verdict: await settle(deps, said, body, hand) };
  } catch (error) {
    if (error instanceof GridError) return refused(error.code, error.message);
    deps.log.error("worker.report_failed", error, { attempt: said.attempt });
    return refused("internal", "The server could not write it down. Say it again later.");
  }
}

async function settle(
  deps: PullWorkDeps,
  said: Outcome,
  body: Uint8Array,
  { seq, attempt }: Pick<Hand, "seq" | "attempt">,
): Promise<ReceiptVerdict> {
  switch (said.op) {
    case "result": {
      const result = withType(await stage(deps, said, body), said.content_type);
      return complete(deps, { seq, attempt, result });
    }
    case "fail":
      return fail(deps, { seq, attempt, ...toFailure(said, body) });
    case "release":
      return giveBack(deps, { seq, attempt, info: releaseInfos[said.why] }, "release");
    default:
      return unreachable(said);
  }
}

/** An attempt that was not given on this connection, nor named when it began: its token must prove it. */
async function takeStranger(
  deps: PullWorkDeps,
  said: Outcome,
  body: Uint8Array,
): Promise<OutcomeAnswer> {
  const ref = parseJobRef(said.job);
  const token = Uint8Array.fromHex(said.token);
  try {
    if (ref.by !== "id") return { kind: "receipt", verdict: "abandon" };
    const work = await openWork(deps, ref, said.attempt, token);
    const flaw = said.op === "result" ? sizeFlaw(body, work.type.payloadBytesMax) : null;
    if (flaw !== null) return { kind: "refused", flaw };
    const about = { seq: work.job.seq, attempt: said.attempt };
    return { kind: "receipt", verdict: await settle(deps, said, body, about) };
  } catch (error) {
    const isUnknown =
      error instanceof GridError && (error.code === "no-such-job" || error.code === "forbidden");
    if (!isUnknown) throw error;
    deps.log.warn("worker.unknown_attempt", { why: error.code, attempt: said.attempt });
    return { kind: "receipt", verdict: "abandon" };
  }
}

function sizeFlaw(body: Uint8Array, sizeBytesMax: number): Flaw | null {
  if (body.length <= sizeBytesMax) return null;
  const detail = `The result has ${body.length} bytes; ${sizeBytesMax} are allowed here. Raise payload_bytes_max or send less.`;
  return { code: "payload-too-large", detail };
}

const releaseInfos = {
  drain: "The worker stops, and gave the job back.",
  preempted: "The worker's machine was needed for something else.",
  unsupported: "The worker cannot do this job.",
  no_space: "The worker had no room for this job.",
  surplus: "The worker had more jobs than it wanted.",
} as const satisfies Record<Extract<Outcome, { op: "release" }>["why"], string>;

function toFailure(said: Extract<Outcome, { op: "fail" }>, body: Uint8Array): Failure {
  const { exit_code: exitCode, signal, retryable } = said;
  const info = said.info?.slice(0, failureInfoCharactersMax).toWellFormed() ?? null;
  const text = body.length > 0 ? new TextDecoder().decode(body) : said.logs;
  const logs = text === null ? null : cutToBytes(text, failureLogBytesMax);
  return { info: info ?? describeEnd({ exitCode, signal }), logs, retryable };
}

/** The bytes were checked against their hash. Copied, because a view would keep the whole frame that they came in. */
async function stage(
  deps: PullWorkDeps,
  { sha256: hash, size }: Extract<Outcome, { op: "result" }>,
  body: Uint8Array,
): Promise<NewContent> {
  if (size > deps.smallBlobBytesMax) return stageWhole(deps, body);
  return { sha256: hash, size, name: "", contentType: null, inline: body.slice() };
}

/** Bytes of no known kind have no media type; nor have those whose own could break a header. */
function withType(content: NewContent, said: string | null): NewContent {
  const isKept = said !== null && said !== "application/octet-stream" && isMediaType(said);
  return { ...content, contentType: isKept ? said : null };
}

function refused(code: string, detail: string): OutcomeAnswer {
  return { kind: "refused", flaw: { code, detail } };
}
