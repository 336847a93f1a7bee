// The attempts that a worker holds, as lines of `hello` and `holding`: bodies that each fit into one message.

import { joinBytes } from "../../domain/join-bytes.ts";
import { frameBodyBytesMax } from "../../domain/limits.ts";
import type { HeldAttempt } from "../../protocol/worker-messages.ts";
import type { Attempt } from "./attempts.ts";

/** No body at all when nothing is held. */
export function toHeldBodies(attempts: readonly Attempt[]): readonly Uint8Array[] {
  const bodies: Uint8Array[] = [];
  let lines: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    if (lines.length > 0) bodies.push(joinBytes(lines));
    lines = [];
    bytes = 0;
  };
  for (const attempt of attempts) {
    const line = new TextEncoder().encode(`${JSON.stringify(toHeld(attempt))}\n`);
    if (bytes + line.length > frameBodyBytesMax) flush();
    lines.push(line);
    bytes += line.length;
  }
  flush();
  return bodies;
}

/** One that was given back is still held until the server says that it knows; it then hears so again. */
function toHeld({ job, attempt, token, state, sha256, size }: Attempt): HeldAttempt {
  return { job, attempt, token, state: state === "released" ? "queued" : state, sha256, size };
}
