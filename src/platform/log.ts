// One JSON line per event on standard error: a name and fields, no prose, never payloads or secrets.

import type { Clock } from "./clock.ts";

export type LogFields = { readonly [name: string]: string | number | boolean | null };

export interface Log {
  /** An operator would care. */
  info(event: string, fields?: LogFields): void;
  /** An operator should look. */
  warn(event: string, fields?: LogFields): void;
  /** We failed. The stack stays in the log and never leaves the machine. */
  error(event: string, error: unknown, fields?: LogFields): void;
}

export function createLog(clock: Clock, write: (line: string) => void): Log {
  const line = (level: string, event: string, fields: LogFields = {}) =>
    write(
      `${JSON.stringify({ at: new Date(clock.now()).toISOString(), level, event, ...fields })}\n`,
    );
  return {
    info: (event, fields) => line("info", event, fields),
    warn: (event, fields) => line("warn", event, fields),
    error: (event, error, fields) => {
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      line("error", event, { ...fields, error: stack });
    },
  };
}

/** For tools and tests that want no log. */
export function createSilentLog(): Log {
  return { info: () => {}, warn: () => {}, error: () => {} };
}
