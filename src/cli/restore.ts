// Puts a backup back and tells what was in it.

import { exitWhenDone } from "../platform/program.ts";
import { StartError } from "../platform/start-error.ts";
import type { ReadBackup } from "../wiring/read-backup.ts";
import { restore } from "../wiring/restore.ts";
import { aboutBackup, damagedNotice } from "./about-backup.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice, printResult } from "./output.ts";

export type RestoreFileOptions = {
  readonly file: string;
  readonly dataDir: string;
  readonly isJson: boolean;
};

export async function restoreFile({ file, dataDir, isJson }: RestoreFileOptions): Promise<void> {
  const restored = await restore({ source: file, target: dataDir }).catch((error: unknown) => {
    if (error instanceof StartError) return error;
    throw error;
  });
  if (restored instanceof StartError) {
    printNotice(`gridlike: ${restored.message}`);
    return exitWhenDone(restored.exitCode);
  }
  tell(restored, dataDir, isJson);
  const isWhole = restored.end.damaged.length === 0;
  exitWhenDone(isWhole ? exitCode.ok : exitCode.found);
}

function tell(restored: ReadBackup, dataDir: string, isJson: boolean): void {
  const about = aboutBackup(restored);
  if (isJson) return printResult(JSON.stringify({ ...about, data_dir: dataDir }));
  printResult(
    `Restored grid ${about.cluster_id} as of ${about.taken} with ${about.blobs} large payloads and results into ${dataDir}`,
  );
  printNotice(`Start it with: gridlike server start --data-dir ${dataDir}`);
  printNotice("Give its keys to whoever needs them: they are those of the time of the backup.");
  damagedNotice(restored);
}
