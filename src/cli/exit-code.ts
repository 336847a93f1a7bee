// What the program's exit code tells a script. The same for every command.

export const exitCode = {
  ok: 0,
  /** A job failed. */
  jobFailed: 1,
  /** Something is wrong with what a command looked at, or was lost before. */
  found: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The server cannot be reached, cannot start, or failed. */
  unavailable: 3,
  /** The server refused. */
  refused: 4,
  /** A bug of ours. */
  internal: 70,
  /** The disk failed under the database (EX_IOERR of sysexits.h): the next start finds out what stands. */
  disk: 74,
  /** Interrupted at the terminal, or asked to stop: 128 and the number of the signal. */
  interrupted: 130,
  stopped: 143,
} as const;
