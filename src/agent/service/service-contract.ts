// What travels between the agent and a warm service, in both of its forms. Plain: the payload is the body, the
// body of a 2xx answer is the result. gridcontrol: a form {data, context}, answered with JSON {err, data}, so that
// programs written for that system run as they are.

import { failureInfoCharactersMax } from "../../domain/limits.ts";
import { payloadTextBytesMax } from "../../domain/limits-worker.ts";
import { readText } from "../../platform/files.ts";
import type { LocalAnswer, LocalBody } from "../../platform/local-service.ts";
import { failed } from "../command/judge-end.ts";
import type { Assignment, Outcome } from "../runner.ts";
import { doneWith, takeText } from "../warm/take-result.ts";

export type ServiceContract = "plain" | "gridcontrol";

export type ServiceRequest = {
  readonly headers: { readonly [name: string]: string };
  readonly body: LocalBody;
};

/** How many lines of an answer's text a failure tells. */
const toldLineCount = 5;

/** The request for a job, or a sentence that says why the contract cannot carry it. */
export function requestOf(contract: ServiceContract, job: Assignment): ServiceRequest | string {
  const about: { readonly [name: string]: string } = {
    "gridlike-job": job.job,
    "gridlike-key": encodeURIComponent(job.key),
    ...(job.type === "" ? {} : { "gridlike-type": job.type }),
    "gridlike-attempt": String(job.attempt),
  };
  if (contract === "plain") {
    const contentType = job.contentType ?? "application/octet-stream";
    return { headers: { ...about, "content-type": contentType }, body: job.payload };
  }
  const text = textOf(job);
  if (text === null) {
    return "The gridcontrol contract carries text and JSON only, and this payload is neither.";
  }
  // Programs of that system look into the context without asking whether there is one.
  const [, ...handler] = job.type.split(".");
  const form = formOf({ data: fromJson(text), context: { handler: handler.join(".") } });
  const headers = { ...about, "content-type": "application/x-www-form-urlencoded" };
  return { headers, body: { kind: "bytes", bytes: new TextEncoder().encode(form) } };
}

/** Where a large result goes, and how large it may be. */
export type ResultPlace = { readonly directory: string; readonly resultBytesMax: number };

/** What came of it. 422 says that the payload is wrong, and always will be; any other failure may be tried again. */
export async function outcomeOf(
  contract: ServiceContract,
  answer: LocalAnswer,
  place: ResultPlace,
): Promise<Outcome> {
  const isDone = answer.status >= 200 && answer.status < 300;
  if (contract === "gridcontrol") return outcomeOfJson(answer, isDone, place);
  if (isDone) return doneWith(answer.body, answer.contentType, place);
  return refusal(answer.status, await takeText(answer.body, failureInfoCharactersMax));
}

async function outcomeOfJson(
  { status, contentType, body }: LocalAnswer,
  isDone: boolean,
  place: ResultPlace,
): Promise<Outcome> {
  const bytes = await new Response(body).bytes();
  const text = new TextDecoder().decode(bytes);
  const said = fromJson(text);
  const isPair = typeof said === "object" && said !== null && ("err" in said || "data" in said);
  const { err = null, data = null } = (isPair ? said : {}) as { err?: unknown; data?: unknown };
  if (err !== null && err !== false && err !== "") return failed(messageOf(err));
  if (!isDone) return refusal(status, text.slice(0, failureInfoCharactersMax));
  // Programs of that system may answer with anything, which their callers then got as it was.
  if (!isPair) return doneWith(pieceOf(bytes), contentType, place);
  if (typeof data === "string") {
    return doneWith(pieceOf(toBytes(data)), "text/plain;charset=utf-8", place);
  }
  return doneWith(pieceOf(toBytes(JSON.stringify(data))), "application/json", place);
}

async function* pieceOf(bytes: Uint8Array) {
  yield bytes;
}

function refusal(status: number, text: string): Outcome {
  const told = text.trim().split("\n").slice(0, toldLineCount).join("\n");
  const info = `The service answered ${status}${told === "" ? "." : `: ${told}`}`;
  return { ...failed(info), retryable: status !== 422 };
}

/** An error as that system writes it: with a message, or any value. */
function messageOf(err: unknown): string {
  if (typeof err === "string") return err;
  const message = typeof err === "object" && err !== null && "message" in err ? err.message : null;
  return typeof message === "string" ? message : JSON.stringify(err);
}

function textOf({ payload }: Assignment): string | null {
  if (payload.kind === "file") {
    const read = readText(payload.path, payloadTextBytesMax);
    return read.kind === "text" ? read.text : null;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload.bytes);
  } catch {
    return null; // Not UTF-8, which is an answer here.
  }
}

/** The value that the text is in JSON, or the text itself. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The notation of forms with depth: `data[a][0]=1`. */
function formOf(value: object): string {
  return pairsOf("", value)
    .map(([name, text]) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`)
    .join("&");
}

function pairsOf(name: string, value: unknown): readonly (readonly [string, string])[] {
  if (typeof value === "string") return [[name, value]];
  if (typeof value !== "object") return [[name, JSON.stringify(value)]];
  if (value === null) return [[name, ""]];
  return Object.entries(value).flatMap(([key, inner]) =>
    pairsOf(name === "" ? key : `${name}[${key}]`, inner),
  );
}

function toBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
