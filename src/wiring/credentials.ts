// Who may come in. A configured secret comes before one that the server made itself; made ones are told once,
// and only their SHA-256 is kept. Comparing a token takes the same time whatever it is.

import type { AuthConfig, Credential } from "../config/config.ts";
import { crc32, isSameDigest, sha256 } from "../platform/digest.ts";
import type { Random } from "../platform/random.ts";
import type { JobStore } from "../store/job-store.ts";

/** The secrets made at the first start; null for a door that has a configured one, an older one or none. */
export type GeneratedCredentials = {
  readonly apiKey: string | null;
  readonly workerToken: string | null;
};

/** Where authentication is off, every token is right, "" too. */
export type Credentials = {
  verifyApi(token: string): boolean;
  verifyWorker(token: string): boolean;
  /** Null when nothing had to be made. */
  readonly generated: GeneratedCredentials | null;
};

export type CredentialDeps = {
  readonly auth: Pick<AuthConfig, "api" | "worker">;
  readonly settings: Pick<JobStore, "setting" | "setSetting">;
  readonly random: Random;
  readonly firstRun: FirstRunSink;
};

/** Where the first run of a server tells its user what it made. */
export type FirstRunSink = {
  /**
   * Puts made secrets where the user finds them. Their hashes are stored only after it resolved: a crash between
   * leaves secrets that open nothing, never a server that nobody can open.
   */
  keep(generated: GeneratedCredentials): Promise<void>;
};

/** One of the two doors: the letter in its tokens, and the setting that holds its hash. */
type Door = { readonly letter: "a" | "w"; readonly setting: string };

const apiDoor: Door = { letter: "a", setting: "credential.api.sha256" };
const workerDoor: Door = { letter: "w", setting: "credential.worker.sha256" };

export async function resolveCredentials(deps: CredentialDeps): Promise<Credentials> {
  const api = await openDoor(apiDoor, deps.auth.api, deps);
  const worker = await openDoor(workerDoor, deps.auth.worker, deps);
  const isMade = api.made !== null || worker.made !== null;
  const generated = isMade ? { apiKey: api.made, workerToken: worker.made } : null;
  if (generated !== null) await deps.firstRun.keep(generated);
  for (const { door, made } of [
    { door: apiDoor, made: api.made },
    { door: workerDoor, made: worker.made },
  ]) {
    if (made !== null) await deps.settings.setSetting(door.setting, sha256(made).toHex());
  }
  return { verifyApi: verifier(api.digest), verifyWorker: verifier(worker.digest), generated };
}

/**
 * A new token: `gl`, the door's letter, eight characters that name it in logs, 256 bits of chance, and a checksum
 * by which scanners for leaked secrets recognise it: `gla_1f8c02b7_…43 characters…_0k3x9ab`.
 */
export function makeToken(letter: "a" | "w", random: Random): string {
  const id = random.bytes(4).toHex();
  const secret = random.bytes(32).toBase64({ alphabet: "base64url", omitPadding: true });
  const body = `gl${letter}_${id}_${secret}`;
  return `${body}_${checksum(body)}`;
}

function checksum(body: string): string {
  return crc32(body).toString(36).padStart(7, "0");
}

/** `digest` null: anyone may pass. `made`: a secret that did not exist before. */
async function openDoor(
  door: Door,
  credential: Credential,
  { settings, random }: CredentialDeps,
): Promise<{ readonly digest: Uint8Array | null; readonly made: string | null }> {
  if (credential.kind === "none") return { digest: null, made: null };
  if (credential.kind === "given") return { digest: sha256(credential.secret), made: null };
  const stored = await settings.setting(door.setting);
  if (stored !== null) return { digest: Uint8Array.fromHex(stored), made: null };
  const made = makeToken(door.letter, random);
  return { digest: sha256(made), made };
}

function verifier(digest: Uint8Array | null): (token: string) => boolean {
  return (token) => digest === null || isSameDigest(sha256(token), digest);
}
