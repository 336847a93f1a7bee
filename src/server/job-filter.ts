// How a request says which jobs it means: by query parameters for a listing, by JSON for an action on many.

import * as v from "valibot";
import { statuses } from "../domain/job.ts";
import { groupBytesMax, keyBytesMax, workerIdCharactersMax } from "../domain/limits.ts";
import type { JobFilter } from "../store/job-store.ts";
import { boundedText, instant, oneOf, wholeNumber } from "./query.ts";

export const filterEntries = {
  status: v.optional(oneOf("status", statuses)),
  type: v.optional(boundedText("type", 64)),
  group: v.optional(boundedText("group", groupBytesMax)),
  batch: v.optional(wholeNumber("batch", 0, Number.MAX_SAFE_INTEGER)),
  key_prefix: v.optional(boundedText("key_prefix", keyBytesMax)),
  worker: v.optional(boundedText("worker", workerIdCharactersMax * 4)),
  submitted_after: v.optional(instant("submitted_after")),
};

type FilterWords = v.InferOutput<v.ObjectSchema<typeof filterEntries, undefined>>;

export function toFilter(words: FilterWords): JobFilter {
  return {
    ...(words.status !== undefined && { status: words.status }),
    ...(words.type !== undefined && { type: words.type }),
    ...(words.group !== undefined && { group: words.group }),
    ...(words.batch !== undefined && { batch: words.batch }),
    ...(words.key_prefix !== undefined && { keyPrefix: words.key_prefix }),
    ...(words.worker !== undefined && { worker: words.worker }),
    ...(words.submitted_after !== undefined && { submittedAfter: words.submitted_after }),
  };
}
