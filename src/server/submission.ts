// Reads one submission off a request: a form whose parts may come in any order, or a body that is the payload
// itself. The payload goes to staging while it arrives; what cannot become a job is taken away again.

import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import type { NewContent } from "../domain/blob-ref.ts";
import {
  formFieldBytesMax,
  multipartHeaderBytesMax,
  multipartPartCountMax,
} from "../domain/limits-server.ts";
import { announcedSha256, requireSameDigest } from "./content-digest.ts";
import { boundaryOf, parseMultipart } from "./multipart.ts";
import { addWord, parseQuery, type Words } from "./query.ts";
import {
  contentTypeProblem,
  readSubmitOptions,
  requireOption,
  type SubmitOptions,
} from "./submit-options.ts";
import type { Timers } from "./patience.ts";
import type { Uploads } from "./uploads.ts";

export type SubmissionDeps = {
  readonly broker: Pick<Broker, "stage" | "discard">;
  readonly uploads: Uploads;
  readonly createHash: () => Hash;
};

/** SHA-256 over bytes that come in pieces. */
export type Hash = { update(bytes: Uint8Array): void; hex(): string };

/** What was asked for, with its payload staged. Whoever does not submit it discards the payload. */
export type ReadSubmission = { readonly asked: SubmitOptions; readonly payload: NewContent };

type Draft = { readonly words: Words; payload: NewContent | null };

export async function readSubmission(
  deps: SubmissionDeps,
  request: Request,
  server: Timers,
  payloadBytesMax: number,
): Promise<ReadSubmission> {
  const words = parseQuery(request.url);
  for (const name of words.keys()) requireOption("option", name, []);
  refuseEncoding(request.headers.get("content-encoding"));
  const draft: Draft = { words, payload: null };
  const type = request.headers.get("content-type");
  try {
    await (mediaType(type) === "multipart/form-data"
      ? readForm(deps, request, server, payloadBytesMax, draft)
      : readRaw(deps, request, server, payloadBytesMax, draft));
    const payload = requirePayload(draft);
    const asked = readSubmitOptions(words);
    return {
      asked,
      payload: { ...payload, contentType: asked.contentType ?? payload.contentType },
    };
  } catch (error) {
    if (draft.payload !== null) await deps.broker.discard(draft.payload);
    throw error;
  }
}

async function readRaw(
  { broker, uploads }: SubmissionDeps,
  request: Request,
  server: Timers,
  sizeBytesMax: number,
  draft: Draft,
): Promise<void> {
  readSubmitOptions(draft.words); // All are known already: a mistake is told before the body is taken in.
  const announced = announcedSha256(request);
  const contentType = keptContentType(request.headers.get("content-type"));
  draft.payload = await uploads.receive(request, server, sizeBytesMax, (bytes) =>
    broker.stage(bytes, { sizeBytesMax, contentType }),
  );
  requireSameDigest(announced, draft.payload.sha256);
}

async function readForm(
  deps: SubmissionDeps,
  request: Request,
  server: Timers,
  payloadBytesMax: number,
  draft: Draft,
): Promise<void> {
  const boundary = boundaryOf(request.headers.get("content-type"));
  const announced = announcedSha256(request);
  const bodyBytesMax = payloadBytesMax + formOverheadBytesMax;
  await deps.uploads.receive(request, server, bodyBytesMax, async (bytes) => {
    const hash = announced === null ? null : deps.createHash();
    const body = hash === null ? bytes : hashed(bytes, hash);
    for await (const part of parseMultipart(body, boundary)) {
      const name = part.name.toLowerCase();
      requireOption("form field", name, ["payload"]);
      if (name !== "payload") {
        addWord(draft.words, name, await readField(name, part.body));
        continue;
      }
      if (draft.payload !== null)
        throw new GridError("malformed", "The form has two payloads. Send one.");
      const contentType = keptContentType(part.contentType);
      draft.payload = await deps.broker.stage(part.body, {
        sizeBytesMax: payloadBytesMax,
        contentType,
      });
    }
    if (hash !== null) requireSameDigest(announced, hash.hex()); // The form was read to its end.
  });
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, hash: Hash) {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

/** The text of a field of a form. */
export async function readField(name: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let size = 0;
  let text = "";
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > formFieldBytesMax) {
        throw new GridError(
          "malformed",
          `The field "${name}" has more than ${formFieldBytesMax} bytes.`,
        );
      }
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new GridError("malformed", `The field "${name}" is not UTF-8.`, {}, { cause: error });
  }
}

function requirePayload({ payload }: Draft): NewContent {
  if (payload !== null) return payload;
  throw new GridError(
    "malformed",
    'The form has no field "payload". Send the bytes as a file in it, or as the body itself.',
  );
}

/** What tools send when they were told nothing says nothing. */
export function keptContentType(given: string | null): string | null {
  if (given === null || defaultTypes.has(mediaType(given))) return null;
  const problem = contentTypeProblem(given);
  if (problem !== null) throw new GridError("malformed", problem);
  return given;
}

const defaultTypes = new Set(["", "application/octet-stream", "application/x-www-form-urlencoded"]);

/** The media type of a Content-Type header, without parameters and in lower case. */
export function mediaType(header: string | null): string {
  return (header ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

export function refuseEncoding(encoding: string | null): void {
  if (encoding === null || encoding.toLowerCase() === "identity") return;
  throw new GridError(
    "malformed",
    `The body is sent with Content-Encoding ${encoding.slice(0, 64)}, which is not undone here. Send it plain.`,
  );
}

/** Everything of a form but the payload, at its largest. */
const formOverheadBytesMax = multipartPartCountMax * (formFieldBytesMax + multipartHeaderBytesMax);
