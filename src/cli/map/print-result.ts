// Prints what a job of a map said, and puts the files that it sent back into the caller's folder.

import { joinBytes } from "../../domain/join-bytes.ts";
import { writeBytes } from "../../platform/output-bytes.ts";
import { receiveFile } from "../../platform/receive-file.ts";
import type { OpenedResult } from "./opened-result.ts";
import { tagged } from "./tagged.ts";

export type PrintDeps = {
  /** The caller's folder. */
  readonly folder: string;
  /** Told of a file that came back and cannot be taken. */
  readonly onRefused: (sentence: string) => void;
  /** Called before anything is printed, such as to clear a line of progress. */
  readonly before: () => void;
};

export type Heading = {
  /** Before each line, tab included; "" is nothing. */
  readonly tag: string;
  /** A line above the output, or null. */
  readonly command: string | null;
};

/** Several small pieces are written as one. */
const gatherBytesMax = 64 * 1024;

export async function printResult(
  { folder, onRefused, before }: PrintDeps,
  { tag, command }: Heading,
  result: OpenedResult,
): Promise<void> {
  const encoder = new TextEncoder();
  const tagBytes = encoder.encode(tag);
  before();
  if (command !== null) await writeBytes("stdout", encoder.encode(`${command}\n`));
  for await (const part of result.parts) {
    if (part.kind !== "file") {
      const pieces = tag === "" ? part.bytes : tagged(part.bytes, tagBytes);
      for await (const piece of gathered(pieces)) await writeBytes(part.kind, piece);
      continue;
    }
    const received = await receiveFile(folder, part.path, part.isExecutable, part.bytes);
    if (received === "received") continue;
    for await (const _ of part.bytes); // The next part stands behind it.
    onRefused(
      `${part.path} was not taken: a link, or something else than a folder, stands on its way in this folder.`,
    );
  }
}

async function* gathered(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let kept: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    kept.push(piece);
    size += piece.length;
    if (size < gatherBytesMax) continue;
    yield joinBytes(kept);
    kept = [];
    size = 0;
  }
  if (size > 0) yield joinBytes(kept);
}
