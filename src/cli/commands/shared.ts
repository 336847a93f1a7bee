// What the commands have in common on the command line: the flags that name a server, and how numbers are read.

import { InvalidArgumentError, type Command } from "commander";

/** Gives a command what all commands share: how it speaks, and that a mistake is thrown. */
export type Inherited = (command: Command) => Command;

/** The flags of a command that talks to a server. */
export function withServer(command: Command): Command {
  return command
    .option("-s, --server <name>", "Which server: a name of your context.toml, or an address.")
    .option("--url <address>", "The address of the server, such as http://closet:7171.");
}

/** For a flag that takes a whole number from 1 on. */
export function parseCount(text: string): number {
  if (/^[0-9]{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1 on.");
}

/** The end of the help of a command that talks to a server. */
export const exitCodesHelp = `
Exit codes: 0 ok, 1 a job failed, 2 usage, 3 the server cannot be reached or failed, 4 refused.`;
