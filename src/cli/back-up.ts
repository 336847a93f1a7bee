// Takes a backup of a running server into a file. The bytes are held against their own hashes while they arrive; the
// file gets its name only when they are whole.

import { ClientError, createClient } from "../client/index.ts";
import { GridError } from "../domain/errors.ts";
import { errorCodeOf, writeWhole } from "../platform/durable-files.ts";
import { factsOf } from "../platform/file-system.ts";
import { exitWhenDone } from "../platform/program.ts";
import { readBackup, type ReadBackup } from "../wiring/read-backup.ts";
import { aboutBackup, damagedNotice } from "./about-backup.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice, printResult } from "./output.ts";
import { findServer } from "./server-address.ts";

export type BackUpOptions = {
  readonly file: string;
  /** A name in context.toml, or null. */
  readonly server: string | null;
  readonly isForced: boolean;
  readonly isJson: boolean;
};

export async function backUp({ file, server, isForced, isJson }: BackUpOptions): Promise<void> {
  if (!isForced && (await factsOf(file)) !== null) {
    printNotice(
      `gridlike: ${file} is there already. Name another file, or replace it with --force.`,
    );
    return exitWhenDone(exitCode.usage);
  }
  const found = await findServer(server);
  if (typeof found === "string") {
    printNotice(`gridlike: ${found}`);
    return exitWhenDone(exitCode.usage);
  }
  try {
    const saved = await save(file, await createClient(found).backup());
    const about = aboutBackup(saved);
    printResult(
      isJson
        ? JSON.stringify({ ...about, file })
        : `Saved grid ${about.cluster_id} as of ${about.taken} with ${about.blobs} large payloads and results to ${file}`,
    );
    damagedNotice(saved);
    exitWhenDone(about.damaged.length === 0 ? exitCode.ok : exitCode.found);
  } catch (error) {
    const told = explain(error, file);
    if (told === null) throw error;
    printNotice(`gridlike: ${told.sentence}`);
    exitWhenDone(told.code);
  }
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

/** Null for a bug of ours. */
function explain(error: unknown, file: string) {
  if (error instanceof ClientError) {
    const isRefusal = error.status !== undefined && error.status !== null && error.status < 500;
    return { sentence: error.message, code: isRefusal ? exitCode.refused : exitCode.unavailable };
  }
  if (error instanceof GridError) {
    return { sentence: `${error.message} No file was written.`, code: exitCode.unavailable };
  }
  const code = errorCodeOf(error);
  if (code === null || !/^E[A-Z]+$/.test(code)) return null;
  const sentence = `${file} cannot be written (${code}). Name a file in a folder with room that this user may write to.`;
  return { sentence, code: exitCode.unavailable };
}
