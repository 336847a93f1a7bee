// The process as the command line sees it: its words, its environment, its two streams, its end.
// Apart so that nothing else touches `process`.

import { homedir, hostname } from "node:os";

/** A reader that does not take our last words must not keep the process alive. */
const lastWordsMsMax = 1_000;

let unwrittenCount = 0;
let onAllWritten: (() => void) | null = null;

/** Ends the process after what was written has left it, even if something is still under way. */
export function exitAfterOutput(code: number): void {
  const end = () => process.exit(code);
  if (unwrittenCount === 0) end();
  onAllWritten = end;
  setTimeout(end, lastWordsMsMax);
}

/** Ends the process with this code once nothing is left to do, so that all output arrives. */
export function exitWhenDone(code: number): void {
  process.exitCode = code;
}

/** What this process creates is for its user alone. */
export function keepFilesPrivate(): void {
  process.umask(0o077);
}

/** The words after the program's name. */
export function programArguments(): readonly string[] {
  return process.argv.slice(2);
}

export type Environment = { readonly [name: string]: string | undefined };

export function environment(): Environment {
  return process.env;
}

export function currentFolder(): string {
  return process.cwd();
}

/** The home of the user, or null when the system knows none. */
export function homeFolder(): string | null {
  try {
    return homedir() || null;
  } catch {
    return null; // A user without an entry in the password file: common in containers.
  }
}

/** The name that this machine goes by in its network. */
export function machineName(): string {
  return hostname();
}

/** True for the first process of a container whose output nobody watches: what it prints ends in a log. */
export function isUnwatchedContainer(): boolean {
  return process.pid === 1 && !process.stdout.isTTY;
}

/** A reader of our output that goes away, such as a log pipe, is no reason to stop. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

export function writeStdout(text: string): void {
  write(process.stdout, text);
}

export function writeStderr(text: string): void {
  write(process.stderr, text);
}

function write(stream: NodeJS.WriteStream, text: string): void {
  unwrittenCount += 1;
  stream.write(text, () => {
    unwrittenCount -= 1;
    if (unwrittenCount === 0) onAllWritten?.();
  });
}
