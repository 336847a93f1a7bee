// Takes a backup of a running server into a file. The bytes are held against their own hashes while they arrive; the
// file gets its name only when they are whole.

import { GridError } from "../domain/errors.ts";
import { errorCodeOf, writeWhole } from "../platform/durable-files.ts";
import { factsOf } from "../platform/file-system.ts";
import { readBackup, type ReadBackup } from "../wiring/read-backup.ts";
import { aboutBackup, damagedNotice } from "./about-backup.ts";
import { useServer, type ServerFlags } from "./connect.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice, printResult } from "./output.ts";
import { UsageMistake } from "./trouble.ts";

export type BackUpOptions = {
  readonly file: string;
  readonly isForced: boolean;
  readonly isJson: boolean;
};

export async function backUp(
  flags: ServerFlags,
  { file, isForced, isJson }: BackUpOptions,
): Promise<void> {
  await useServer(flags, async ({ client, signal }) => {
    if (!isForced && (await factsOf(file)) !== null) {
      throw new UsageMistake(
        `${file} is there already. Name another file, or replace it with --force.`,
      );
    }
    try {
      const saved = await save(file, await client.backup({ signal }));
      const about = aboutBackup(saved);
      printResult(
        isJson
          ? JSON.stringify({ ...about, file })
          : `Saved grid ${about.cluster_id} as of ${about.taken} with ${about.blobs} large payloads and results to ${file}`,
      );
      damagedNotice(saved);
      return about.damaged.length === 0 ? exitCode.ok : exitCode.found;
    } catch (error) {
      const sentence = explain(error, file);
      if (sentence === null) throw error;
      printNotice(`gridlike: ${sentence}`);
      return exitCode.unavailable;
    }
  });
}

/** Writes what comes, and reads it as a backup meanwhile. */
async function save(file: string, bytes: ReadableStream<Uint8Array>): Promise<ReadBackup> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const reading = readBackup(readable, drain);
  reading.catch(() => {}); // Told below, after the file was given up.
  async function* pieces() {
    for await (const piece of bytes) {
      await Promise.race([writer.write(piece), reading]);
      yield piece;
    }
    void writer.close().catch(() => {});
    await reading;
  }
  await writeWhole(file, pieces());
  return reading;
}

async function drain(_part: unknown, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

/** Null for what is no matter of this file. */
function explain(error: unknown, file: string): string | null {
  if (error instanceof GridError) return `${error.message} No file was written.`;
  const code = errorCodeOf(error);
  if (code === null || !/^E[A-Z]+$/.test(code)) return null;
  return `${file} cannot be written (${code}). Name a file in a folder with room that this user may write to.`;
}
