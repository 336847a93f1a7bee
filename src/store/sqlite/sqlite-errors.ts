// What an error of SQLite means to us: the disk is full, the file can no longer be trusted, or neither.

import { GridError } from "../../domain/errors.ts";

/** Worked around by nothing: a failed sync may have lost what an earlier one promised, so never retry. */
const brokenCodes = ["SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB"];

/** A full disk also shows as the shared-memory file that cannot grow. */
const fullCodes = ["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "ENOSPC", "EDQUOT"];

export function isDiskFull(error: unknown): boolean {
  return fullCodes.includes(codeOf(error));
}

/** True when nothing the database says from now on can be relied upon. */
export function isBroken(error: unknown): boolean {
  const code = codeOf(error);
  return !isDiskFull(error) && brokenCodes.some((start) => code.startsWith(start));
}

export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith("SQLITE_BUSY");
}

/** The error as callers get it. */
export function toStoreError(error: unknown): unknown {
  if (isDiskFull(error)) {
    const message = "The disk of the database is full. Free some space; nothing was changed.";
    return new GridError("disk-low", message, {}, { cause: error });
  }
  if (isBusy(error)) {
    const message = "Another program holds the database locked. Close it, then try again.";
    return new GridError("overloaded", message, {}, { cause: error });
  }
  return error;
}

export function brokenError(cause: unknown): GridError {
  const message =
    "The database failed to read or write its disk and is no longer used. Restart the server when the disk is healthy.";
  return new GridError("internal", message, {}, { cause });
}

export function closedError(): GridError {
  return new GridError("shutting-down", "The database is closed: the server is shutting down.");
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
