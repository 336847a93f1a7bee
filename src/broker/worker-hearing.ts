// Reads the frames of a worker into inputs of its session: what the messages say, and what is known beforehand of the
// attempts that they are about.

import { GridError } from "../domain/errors.ts";
import { decodeFrame, type Message } from "../protocol/frame.ts";
import { parseHeld, parseWorkerMessage } from "../protocol/worker-messages.ts";
import type { Hand } from "./worker-hands.ts";
import { flawOf, isOutcome, type FlawDeps } from "./worker-reports.ts";
import type { WorkerInput } from "./worker-session.ts";

/** The messages of a frame, or why it is none. */
export function hearFrame(frame: Uint8Array): readonly Message[] | MalformedInput {
  try {
    return decodeFrame(frame);
  } catch (error) {
    return malformed(error);
  }
}

/** What a message is to the session. Attempts are looked up now: those before it may have changed them. */
export function hearMessage(
  deps: FlawDeps,
  { header, body }: Message,
  find: (job: string, attempt: number) => Hand | null,
): WorkerInput {
  const id = Number.isSafeInteger(header["id"]) ? (header["id"] as number) : null;
  try {
    const said = parseWorkerMessage(header);
    if (said === "unknown-op") return { kind: "unknown-op", op: header.op, id };
    const held = said.op === "hello" || said.op === "holding" ? parseHeld(body) : [];
    const hand = "job" in said ? find(said.job, said.attempt) : null;
    const flaw = isOutcome(said) ? flawOf(deps, said, body, hand) : null;
    return { kind: "message", said, body, held, id, isHeld: hand?.isCounted ?? false, flaw };
  } catch (error) {
    return malformed(error);
  }
}

type MalformedInput = Extract<WorkerInput, { kind: "malformed" }>;

function malformed(error: unknown): MalformedInput {
  if (error instanceof GridError) return { kind: "malformed", why: error.message };
  throw error;
}
