// This very program once more, as a child that lives no longer than we do: it is told by the end of its standard input.

import { assert } from "../domain/assert.ts";

export type OwnChild = {
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Asks it to end. */
  stop(): void;
};

/** Says what it says where we do. In a session of its own, so that a key at the terminal reaches us alone. */
export function startOwnChild(
  words: readonly string[],
  environment: { readonly [name: string]: string | undefined },
): OwnChild {
  const child = Bun.spawn([...ownProgram(), ...words], {
    env: { ...environment },
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
    detached: true,
  });
  return {
    exited: child.exited.then((code) => (child.signalCode === null ? code : null)),
    stop: () => child.kill("SIGTERM"),
  };
}

/** A checkout is run by a runtime that is told which script. */
function ownProgram(): readonly string[] {
  if (Bun.isStandaloneExecutable) return [process.execPath];
  const [, script] = process.argv;
  assert(script !== undefined, "a runtime runs a script");
  return [process.execPath, script];
}
