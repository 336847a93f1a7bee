// Bytes for standard output and standard error, of which none is made before the ones before it were taken.

import { errorCodeOf } from "./durable-files.ts";
import { ReaderGone, type Output } from "./terminal.ts";

/** Resolves when the reader has taken them. Throws `ReaderGone`. */
export function writeBytes(output: Output, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process[output].write(bytes, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(errorCodeOf(error) === "EPIPE" ? new ReaderGone() : error);
    });
  });
}
