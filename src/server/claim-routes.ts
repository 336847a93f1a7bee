// Claims of workers without a socket: a call that waits for a job and is answered with its payload. What to do
// with the job then stands in the headers.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker } from "../broker/broker.ts";
import type { Pulled } from "../broker/pull-door.ts";
import { GridError } from "../domain/errors.ts";
import type { WorkerRef } from "../domain/job.ts";
import { hasHiddenCharacters } from "../domain/key.ts";
import {
  claimWordCharactersMax,
  leaseMsDefault,
  leaseMsMax,
  leaseMsMin,
  pullWaitMsDefault,
  waitMsMax,
} from "../domain/limits-server.ts";
import { workerIdCharactersMax, workerNameCharactersMax } from "../domain/limits.ts";
import { answerWhole } from "./bytes.ts";
import type { Downloads } from "./downloads.ts";
import type { AddressBook, Peers } from "./peers.ts";
import type { Patience, Timers } from "./patience.ts";
import { readQuery, seconds } from "./query.ts";
import { showLife } from "./sign-of-life.ts";
import type { Waits } from "./waits.ts";

export type ClaimDeps = {
  readonly broker: Broker;
  readonly waits: Waits;
  readonly downloads: Downloads;
  readonly patience: Patience;
  readonly peers: Peers;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

export const claimQuery = v.object({
  wait_s: v.optional(seconds("wait_s", 0, waitMsMax)),
  lease_s: v.optional(seconds("lease_s", leaseMsMin, leaseMsMax)),
});

/** The type is called `:name` because the router has one name for what stands at a place of a path. */
export function claimRoutes(deps: ClaimDeps) {
  return new Elysia({ prefix: "/work" })
    .post("/claim", ({ request, server }) => claim(deps, request, server, null), unread)
    .post(
      "/:name/claim",
      ({ request, server, params }) => claim(deps, request, server, params.name),
      unread,
    );
}

const unread = { parse: "none" } as const;

async function claim(
  deps: ClaimDeps,
  request: Request,
  server: Timers & AddressBook,
  typeName: string | null,
): Promise<Response> {
  const { broker, waits, peers } = deps;
  const { wait_s: waitMs = pullWaitMsDefault, lease_s: leaseMs = leaseMsDefault } = readQuery(
    request,
    claimQuery,
  );
  const type = requireType(broker, typeName);
  const address = peers.address(request, server);
  const asked = { type, worker: workerOf(request, address), address, leaseMs, waitMs };
  const word = claimWord(request);
  if (!deps.isTaking()) {
    throw new GridError("shutting-down", "The server is stopping. Claim again when it is back.");
  }
  const pulled = await waits.hold(request, server, (stop) =>
    broker.pull({ ...asked, claim: word }, stop),
  );
  if (pulled === null) return new Response(null, { status: 204 });
  return answer(deps, request, server, pulled);
}

async function answer(
  { downloads, patience }: ClaimDeps,
  request: Request,
  server: Timers,
  { job, token, leaseMs, payload, renew }: Pulled,
): Promise<Response> {
  const open = async () => {
    if (payload instanceof ReadableStream) {
      return downloads.send(request, server, showLife(payload, renew));
    }
    patience.extend(request, server);
    return payload;
  };
  const told = await answerWhole({ content: job.payload, fileName: `${job.key}.payload`, open });
  told.headers.set("Gridlike-Job", job.id);
  told.headers.set("Gridlike-Attempt", String(job.attempt.n));
  told.headers.set("Gridlike-Attempt-Token", token.toHex());
  told.headers.set("Gridlike-Key", encodeURIComponent(job.key));
  if (job.type !== "") told.headers.set("Gridlike-Type", job.type);
  told.headers.set("Gridlike-Lease-Seconds", String(leaseMs / 1000));
  return told;
}

function requireType(broker: Broker, name: string | null): string {
  if (name !== null) return broker.requireType(name).name;
  const names = broker.types().map((type) => type.name);
  if (names.includes("")) return "";
  throw new GridError(
    "malformed",
    `This server has job types. Name one: POST /api/work/TYPE/claim with one of ${names.join(", ")}.`,
    { types: names },
  );
}

/** Without an id all workers behind one address count as one. */
function workerOf(request: Request, address: string): WorkerRef {
  const id = label(request, "Gridlike-Worker", workerIdCharactersMax) ?? `pull-${address}`;
  return { id, name: label(request, "Gridlike-Worker-Name", workerNameCharactersMax) ?? id };
}

/** A name in a header: percent-encoded where it is not ASCII. */
function label({ headers }: Request, header: string, charactersMax: number): string | null {
  const given = headers.get(header) ?? "";
  if (given === "") return null;
  const text = decoded(given);
  const isFit = text !== null && text.length <= charactersMax && !hasHiddenCharacters(text);
  if (isFit) return text;
  throw new GridError(
    "malformed",
    `${header} is no name of 1 to ${charactersMax} characters, percent-encoded where it is not ASCII.`,
  );
}

function decoded(text: string): string | null {
  // oxlint-disable-next-line no-control-regex
  if (/[^\x00-\x7f]/.test(text)) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // A % that begins no encoded character.
  }
}

function claimWord({ headers }: Request): string | null {
  const word = headers.get("gridlike-claim");
  if (word === null) return null;
  if (word.length <= claimWordCharactersMax && /^[\x21-\x7e]+$/.test(word)) return word;
  throw new GridError(
    "malformed",
    `Gridlike-Claim is no word of 1 to ${claimWordCharactersMax} printable ASCII characters without spaces.`,
  );
}
