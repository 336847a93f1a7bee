// What a link that ended, or never stood, means to the worker: come back, become somebody else, or give up with
// a sentence for the person who started it. Pure.

import {
  reconnectAfterMsMax,
  reconnectMsFirst,
  reconnectMsMax,
} from "../../domain/limits-worker.ts";
import { closeCodes } from "../../protocol/worker-messages.ts";

/** Full jitter: workers that lost their server together do not come back together. */
export function reconnectAfterMs(tries: number, askedMs: number | null, fraction: number): number {
  const jitterMs = Math.min(reconnectMsMax, reconnectMsFirst * 2 ** tries) * fraction;
  return Math.min(askedMs ?? 0, reconnectAfterMsMax) + jitterMs;
}

type Parting =
  | { readonly kind: "again" }
  | { readonly kind: "final"; readonly why: string }
  | { readonly kind: "cloned"; readonly why: string };

/** What the server meant by closing the link. */
export function judgeClose(code: number, reason: string): Parting {
  const said = reason === "" ? "" : ` (${reason})`;
  switch (code) {
    case closeCodes.malformed:
      return final(`The server did not understand this worker${said}. Use one of its version.`);
    case closeCodes.unauthenticated:
      return final(unauthenticated);
    case closeCodes.forbidden:
      return final(reason.startsWith("kicked") ? kicked : `${forbidden}${said}`);
    case closeCodes.version:
      return final(`The server speaks another version${said}. Update the worker or the server.`);
    case closeCodes.replaced:
      return final(
        "A newer connection of this very process took its place: was the machine copied while it ran?",
      );
    case closeCodes.cloned:
      return { kind: "cloned", why: "Another worker has the same identity: a copied machine?" };
    default:
      return { kind: "again" };
  }
}

/** A sentence when the answer to the upgrade is final. Whatever else was answered may pass. */
export function judgeUpgrade(status: number | null): string | null {
  switch (status) {
    case 400:
      return "The server refused the connection: it does not speak gridlike.v2, or is none. Check the address, or update it.";
    case 401:
      return unauthenticated;
    case 403:
      return forbidden;
    default:
      return null;
  }
}

const unauthenticated =
  "The server does not know this worker's token. Start the worker with a current one.";
const forbidden =
  "The token does not allow this worker to join. Use a worker token that allows its job types.";

const kicked =
  "An operator disconnected this worker, and its jobs went to others. Start it again when it may come back.";

function final(why: string): Parting {
  return { kind: "final", why };
}
