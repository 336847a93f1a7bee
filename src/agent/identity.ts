// Who this agent is, across restarts: a folder of its own, held by a lock, with the id it goes by. Two agents on one
// machine get different folders, and so different ids. The id is random: machines are copied, and what the system
// calls itself is copied with them.

import { join } from "node:path";
import { agentFolderCountMax } from "../domain/limits-worker.ts";
import { makePrivateDirectory, readTextOrNull, replaceFile } from "../platform/durable-files.ts";
import type { MakeId } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { StartError } from "../platform/start-error.ts";

export type AgentIdentity = {
  readonly folder: string;
  readonly workerId: string;
  /** Of this process alone, never shown. */
  readonly bootId: string;
  /** A new id, for good. */
  renew(): Promise<string>;
  /** Gives the folder free. */
  close(): void;
};

export type IdentityDeps = {
  readonly makeId: MakeId;
  readonly random: Random;
  readonly log: Log;
  /** Null when another process holds it. */
  readonly holdLock: (path: string) => Promise<{ release(): void } | null>;
};

/** The first folder `<base>/worker-<serverHash>-<n>` that nobody holds. */
export async function openIdentity(
  { makeId, random, log, holdLock }: IdentityDeps,
  { base, serverHash }: { readonly base: string; readonly serverHash: string },
): Promise<AgentIdentity> {
  for (let n = 1; n <= agentFolderCountMax; n += 1) {
    const folder = join(base, `worker-${serverHash}-${n}`);
    await makePrivateDirectory(folder);
    const lock = await holdLock(join(folder, "LOCK"));
    if (lock === null) continue;
    const path = join(folder, "IDENTITY");
    const renew = async () => {
      const workerId = makeId();
      const about = "Who this GridLike worker is. Not to be copied to other machines.";
      await replaceFile(path, `${JSON.stringify({ about, worker_id: workerId }, null, 2)}\n`);
      return workerId;
    };
    try {
      const text = await readTextOrNull(path);
      const known = text === null ? null : workerIdIn(text);
      if (text !== null && known === null) log.warn("identity.damaged", { path });
      const workerId = known ?? (await renew());
      const bootId = random.bytes(bootIdBytes).toHex();
      return { folder, workerId, bootId, renew, close: () => lock.release() };
    } catch (error) {
      lock.release();
      throw error;
    }
  }
  throw new StartError(
    3,
    `All ${agentFolderCountMax} folders for agents below ${base} are in use. Stop some, or name another state folder.`,
  );
}

const bootIdBytes = 16;

function workerIdIn(text: string): string | null {
  try {
    const told: unknown = JSON.parse(text);
    if (typeof told !== "object" || told === null || !("worker_id" in told)) return null;
    const { worker_id: id } = told;
    return typeof id === "string" && /^[0-9A-Za-z-]{8,64}$/.test(id) ? id : null;
  } catch {
    return null; // Told in the log; a new one is made.
  }
}
