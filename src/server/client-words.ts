// What a client's socket is told, in the words of the protocol. No rules: facts are copied, absent ones left out.

import type { Broker, Submitted } from "../broker/broker.ts";
import type { WatchNews } from "../broker/watch-book.ts";
import { unreachable } from "../domain/assert.ts";
import type { GridError } from "../domain/errors.ts";
import type { Job } from "../domain/job.ts";
import { clientSubmitBytesMax, clientSubmitCountMax } from "../domain/limits-server.ts";
import { clientWatchCountMax, frameBodyBytesMax, restartRetryMs } from "../domain/limits.ts";
import type { ClientTold } from "../protocol/client-messages.ts";

/** A message and its body, if it has one. */
export type Told = { readonly header: ClientTold; readonly body?: Uint8Array };

export function toWelcome({ name, incarnation }: ReturnType<Broker["self"]>): ClientTold {
  return {
    op: "welcome",
    server: name,
    incarnation,
    frame_body_bytes_max: frameBodyBytesMax,
    submit_count_max: clientSubmitCountMax,
    submit_bytes_max: clientSubmitBytesMax,
    watch_count_max: clientWatchCountMax,
    features: [],
  };
}

export function toSubmitted(re: number, { key, id, seq, isReplay }: Submitted): ClientTold {
  return { op: "submitted", re, key, job: id, seq, ...(isReplay && { replay: true }) };
}

export function toRefused(re: number | undefined, error: GridError): ClientTold {
  const { code, message: detail, info } = error;
  const hasInfo = Object.keys(info).length > 0;
  return { op: "refused", re, code, detail, ...(hasInfo && { info }) };
}

export function toBye(): ClientTold {
  return { op: "bye", why: "restart", retry_after_ms: restartRetryMs };
}

export function toTold(re: number, news: WatchNews): Told {
  switch (news.kind) {
    case "changed":
      return { header: toChanged(re, news.job, news.progress) };
    case "settled":
      return toSettled(re, news.job, news.bytes);
    case "refused":
      return { header: { ...toRefused(re, news.error), job: news.name } as ClientTold };
    case "watching":
      return { header: { op: "watching", re, jobs: news.count } };
    default:
      return unreachable(news);
  }
}

function toChanged(
  re: number,
  job: Job,
  progress: Extract<WatchNews, { kind: "changed" }>["progress"],
): ClientTold {
  const { id, key, seq, status, attempt } = job;
  const worker = status === "running" && attempt !== null ? attempt.worker : undefined;
  return {
    op: "changed",
    re,
    job: id,
    key,
    seq,
    status,
    attempt: attempt?.n ?? 0,
    ...(worker !== undefined && { worker: { id: worker.id, name: worker.name } }),
    ...(progress !== null && { progress }),
  };
}

function toSettled(re: number, job: Job, bytes: Uint8Array | null): Told {
  const { id, key, seq, status } = job;
  const attempt = job.attempt?.n ?? 0;
  const about = { op: "settled", re, job: id, key, seq, attempt } as const;
  if (status !== "done") {
    const reason = status === "failed" ? job.reason : null;
    // Whoever calls this knows that it is settled.
    const end = status === "failed" ? status : "cancelled";
    return { header: { ...about, status: end, reason, info: job.info } };
  }
  const { size, sha256, contentType } = job.result;
  const result = { size, sha256, ...(contentType !== null && { content_type: contentType }) };
  if (bytes !== null) return { header: { ...about, status, ...result }, body: bytes };
  return { header: { ...about, status, ...result, url: `jobs/${id}/result` } };
}
