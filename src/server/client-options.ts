// Reads a submission that came on a client socket: its type, its options, its payload into staging. Programs say the
// same options over and over, so what was read once is remembered; the key, which differs, stands apart.

import type { Broker, Submission } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import { knownOptionsCountMax } from "../domain/limits-server.ts";
import type { SubmitMessage } from "../protocol/client-messages.ts";
import {
  readBulkJob,
  readGivenDefaults,
  type BulkDefaults,
  type GivenOptions,
} from "./bulk-job.ts";

export type ReadSubmit =
  | { readonly kind: "job"; readonly submission: Submission }
  | { readonly kind: "refused"; readonly error: GridError };

type OptionsBroker = Pick<Broker, "stageWhole" | "types" | "requireType">;

/** Throws only what is a fault of ours. */
export function createSubmitReader(broker: OptionsBroker) {
  const known = new Map<string, BulkDefaults>();

  const defaultsOf = (options: GivenOptions): BulkDefaults => {
    const text = JSON.stringify(options);
    const found = known.get(text);
    if (found !== undefined) return found;
    const defaults = readGivenDefaults(options);
    const [oldest] = known.keys();
    if (known.size >= knownOptionsCountMax && oldest !== undefined) known.delete(oldest);
    known.set(text, defaults);
    return defaults;
  };

  return async (message: SubmitMessage, payload: Uint8Array): Promise<ReadSubmit> => {
    const { op: _, id: __, type: name, key, ...rest } = message;
    const {
      watch: _watch,
      changes: _changes,
      with_result: _result,
      progress: _progress,
      ...options
    } = rest;
    try {
      const type = requireType(broker, name);
      const deps = { broker, type, defaults: defaultsOf(options) };
      const item = await readBulkJob(deps, 0, { key }, payload);
      if (item.kind === "refused") return item;
      const { contentType: _contentType, ...asked } = item.asked;
      return { kind: "job", submission: { ...asked, type: type.name, payload: item.payload } };
    } catch (error) {
      if (error instanceof GridError) return { kind: "refused", error };
      throw error;
    }
  };
}

function requireType(broker: OptionsBroker, name: string | null): JobType {
  if (name !== null && name !== "") return broker.requireType(name);
  const types = broker.types().map((type) => type.name);
  if (types.includes("")) return broker.requireType("");
  throw new GridError(
    "malformed",
    `This server has job types. Name one as "type" of the submission: ${types.join(", ")}.`,
    { types },
  );
}
