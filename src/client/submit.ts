// One job on its way in. It always has a key, made from chance where the caller gives none, so that it can be
// sent again without becoming two jobs.

import type { Json } from "../domain/errors.ts";
import type { Priority } from "../domain/job.ts";
import { keyProblem } from "../domain/key.ts";
import { promptBodyBytesMax } from "../domain/limits.ts";
import type { WireCreated } from "../protocol/http-api.ts";
import { requireSegment, type Query } from "./address.ts";
import { ClientError } from "./client-error.ts";
import { toHex } from "./encoding.ts";
import { toUpload, type Payload } from "./payload.ts";
import { readObject } from "./read-answer.ts";
import type { Transport } from "./request.ts";
import type { Runtime } from "./runtime.ts";

/** An instant as ISO 8601 text, or anything that writes itself so, like a date. */
export type When = string | { toISOString(): string };

export type JobRequest = {
  /** The job type; left out on a server without types. */
  readonly type?: string;
  readonly key?: string;
  readonly priority?: Priority;
  readonly description?: string;
  readonly group?: string;
  readonly labels?: { readonly [name: string]: Json };
  readonly maxAttempts?: number;
  readonly timeoutS?: number;
  readonly notBefore?: When;
  readonly deadline?: When;
  readonly hold?: boolean;
  /** Starts only while fewer jobs of its group run; needs a group. */
  readonly groupRunningMax?: number;
  /** What a worker must have to run it, such as `cpus=4,tag:gpu`. */
  readonly requires?: string;
  /** The media type of the payload; that of a blob unless given. */
  readonly contentType?: string;
};

export type SubmitOptions = JobRequest & { readonly signal?: AbortSignal };

export type Submitted = {
  readonly key: string;
  readonly id: string;
  readonly seq: number;
  /** The same job had been submitted before. */
  readonly isReplay: boolean;
};

export async function submit(
  transport: Transport,
  payload: Payload,
  options: SubmitOptions,
): Promise<Submitted> {
  const { runtime } = transport;
  const upload = toUpload(payload, runtime);
  const key = options.key ?? makeKey(runtime);
  const problem = keyProblem(key);
  if (problem !== null) throw new ClientError("malformed", problem);
  const digest = await upload.digest();
  const isPrompt = upload.size !== null && upload.size <= promptBodyBytesMax;
  return transport.send(
    {
      method: "POST",
      path: submitPath("submit", options.type),
      query: toWords({ contentType: upload.contentType ?? undefined, ...options, key }),
      headers: {
        // The media type goes with the options: as a header it would say how the body is written.
        "content-type": "application/octet-stream",
        ...(digest === null ? {} : { "content-digest": digest }),
      },
      body: upload.open,
      isRepeatable: upload.isRepeatable,
      ...(isPrompt ? {} : { answerMsMax: null }),
      signal: options.signal,
    },
    async (answer) => {
      const { created, id, seq } = await readObject<WireCreated>(answer, ["created", "id", "seq"]);
      return { key: created, id, seq, isReplay: answer.headers.has("idempotent-replay") };
    },
  );
}

/** Enough chance that two never meet, and a letter first, so that it is never taken for a number. */
export function makeKey(runtime: Runtime): string {
  return `key-${toHex(runtime.bytes(16))}`;
}

export function submitPath(route: string, type: string | undefined): readonly string[] {
  return ["jobs", route, ...(type === undefined ? [] : [requireSegment("job type", type)])];
}

/** The options in the names and the text of the API. */
export function toWords(options: JobRequest): Query {
  const { labels, notBefore, deadline } = options;
  return {
    key: options.key,
    priority: options.priority,
    description: options.description,
    group: options.group,
    labels: labels === undefined ? undefined : JSON.stringify(labels),
    max_attempts: options.maxAttempts,
    timeout_s: options.timeoutS,
    not_before: notBefore === undefined ? undefined : toInstant(notBefore),
    deadline: deadline === undefined ? undefined : toInstant(deadline),
    hold: options.hold,
    group_running_max: options.groupRunningMax,
    requires: options.requires,
    content_type: options.contentType,
  };
}

export function toInstant(when: When): string {
  return typeof when === "string" ? when : when.toISOString();
}
