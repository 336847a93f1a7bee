// A planned job as the server gets it: its command, and the files that it needs.

import type { NewJob } from "../../client/index.ts";
import { clientBulkPayloadBytesMax } from "../../client/limits.ts";
import { joinBytes } from "../../domain/join-bytes.ts";
import {
  archiveMediaType,
  commandEntry,
  commandMediaType,
  commandType,
  encodeCommand,
  packArchive,
  type ShippedCommand,
} from "../../protocol/shipped-command.ts";
import type { FileOptions } from "./options.ts";
import type { PlannedJob } from "./planned-jobs.ts";
import type { ShippedFiles } from "./shipped-files.ts";
import { fillInPlain, type Template } from "./template.ts";

export type ToJobDeps = {
  readonly group: string;
  /** Null is no limit of the group's. */
  readonly groupRunningMax: number | null;
  readonly timeoutMs: number | null;
  readonly env: { readonly [name: string]: string };
  /** Where the jobs run and find their files: in this folder, or wherever a worker is, with the files sent along. */
  readonly place:
    | { readonly kind: "here"; readonly folder: string }
    | {
        readonly kind: "sent";
        readonly files: ShippedFiles;
        readonly returned: FileOptions["returned"];
        readonly template: (text: string) => Template;
      };
};

export type PackedJob = { readonly job: NewJob; readonly sentBytes: number };

export function createToJob(deps: ToJobDeps) {
  const { group, groupRunningMax, timeoutMs, env, place } = deps;
  const returned =
    place.kind === "sent" && place.returned !== "changed" ? place.returned.map(place.template) : [];
  const about = {
    type: commandType,
    group,
    ...(groupRunningMax === null ? {} : { groupRunningMax }),
  };
  return async (planned: PlannedJob, key: string): Promise<PackedJob> => {
    const { parts, number } = planned;
    const command: ShippedCommand = {
      version: 1,
      shell: parts.length === 1 ? parts[0] : [...parts],
      env: { ...env, GRIDLIKE_INDEX: String(number) },
      ...(place.kind === "here" ? { folder: place.folder } : {}),
      ...(timeoutMs === null ? {} : { timeout_ms: timeoutMs }),
      stdin: false,
      returns: returnsOf(place, returned, planned),
      answer: "outcome",
    };
    const files = place.kind === "here" ? [] : await place.files.of(planned);
    const json = encodeCommand(command);
    if (files.length === 0) {
      return { job: { ...about, key, payload: json, contentType: commandMediaType }, sentBytes: 0 };
    }
    const sentBytes = files.reduce((sum, { size }) => sum + size, 0);
    const open = () => packArchive({ name: commandEntry, json }, files);
    const payload =
      sentBytes + json.length < smallBytesMax ? joinBytes(await Array.fromAsync(open())) : open;
    return { job: { ...about, key, payload, contentType: archiveMediaType }, sentBytes };
  };
}

/** Small archives travel together with others, so they are made at once; a header and padding are 1 KiB a file. */
const smallBytesMax = clientBulkPayloadBytesMax / 2;

function returnsOf(
  place: ToJobDeps["place"],
  returned: readonly Template[],
  planned: PlannedJob,
): ShippedCommand["returns"] {
  if (place.kind === "here") return [];
  return place.returned === "changed"
    ? "changed"
    : returned.map((template) => fillInPlain(template, planned));
}
