// What no part of the program caught is a bug of ours in a state nobody knows: it is logged, and the process
// ends with 70. That is safe, because everything acknowledged is durable and a start repairs the rest.

import type { Log } from "./log.ts";

const crashed = 70;

export function exitOnUncaught(log: Log): void {
  const end = (event: string) => (error: unknown) => {
    log.error(event, error);
    process.exit(crashed);
  };
  process.on("uncaughtException", end("process.uncaught"));
  process.on("unhandledRejection", end("process.unhandled"));
}
