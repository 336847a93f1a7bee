// Bytes that are too large for the socket: a payload comes into a file, a result leaves from one, in constant
// memory. What breaks off goes on where it stopped. The attempt's token alone opens the way, and goes nowhere else.

import { transferCountMax } from "../../domain/limits-worker.ts";
import { download, type DownloadEnd, type PayloadWanted } from "./download.ts";
import type { Leash, TransferDeps } from "./tries.ts";
import { createTurnstile } from "./turnstile.ts";
import { upload, type ResultMade, type UploadEnd } from "./upload.ts";

export type Transfers = {
  /** Into a new file at `path`, whose bytes fit their hash when it is done. Rejects when the disk fails. */
  download(wanted: PayloadWanted, stop: AbortSignal): Promise<DownloadEnd>;
  /** What the server says of the result is its receipt. `onTry` hears of each try. Rejects when the disk fails. */
  upload(made: ResultMade, stop: AbortSignal, onTry?: (leash: Leash) => void): Promise<UploadEnd>;
};

export function createTransfers(deps: TransferDeps): Transfers {
  const downloads = createTurnstile(transferCountMax);
  const uploads = createTurnstile(transferCountMax);
  return {
    download: (wanted, stop) => downloads.pass(() => download(deps, wanted, stop)),
    upload: (made, stop, onTry) => uploads.pass(() => upload(deps, made, stop, onTry)),
  };
}
