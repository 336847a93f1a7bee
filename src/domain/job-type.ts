// A kind of job: its limits and what its result becomes. Read from configuration once, frozen.

export type JobType = {
  /** "" is the one unnamed type of a server without configured types. */
  readonly name: string;
  readonly description: string | null;
  /** The type that a finished job's result becomes a payload of, or null. */
  readonly resultBecomes: string | null;
  /** Longest run of one attempt in milliseconds, or null for no limit. */
  readonly timeoutMs: number | null;
  /** Charged failures after which a job is failed. */
  readonly maxAttempts: number;
  /** Workers lost while running a job after which it is failed. */
  readonly maxCrashes: number;
  /** Longest a worker may be silent before its attempts count as lost. */
  readonly resumeGraceMs: number;
  readonly payloadBytesMax: number;
};

/** Every server has it, configured or not: a command that a client sends, for workers whose owners allow that. */
export const commandType = "command";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const reservedNames = new Set(["delete", "cancel", "retry", "hold", "unhold"]);

/** True for a name that may stand in a path beside the verbs of the API. */
export function isTypeName(name: string): boolean {
  return namePattern.test(name) && !reservedNames.has(name);
}
