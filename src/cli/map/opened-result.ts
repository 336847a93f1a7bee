// What came of one job of a map, as far as it was read: how the command ended, and its output and files, which are read
// only when their turn has come.

import type { Client } from "../../client/index.ts";
import {
  archiveMediaType,
  decodeOutcome,
  outcomeEntry,
  outcomeMediaType,
  readDocument,
  stderrEntry,
  stdoutEntry,
  unpackArchive,
  type ShippedOutcome,
} from "../../protocol/shipped-command.ts";
import { GridError } from "../../domain/errors.ts";
import { joinBytes } from "../../domain/join-bytes.ts";

export type ResultPart =
  | { readonly kind: "stdout" | "stderr"; readonly bytes: AsyncIterable<Uint8Array> }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly size: number;
      readonly isExecutable: boolean;
      readonly bytes: AsyncIterable<Uint8Array>;
    };

export type OpenedResult = {
  readonly outcome: ShippedOutcome;
  readonly sizeBytes: number;
  /** Whether it is whole in memory. */
  readonly isHeld: boolean;
  /** Each to be read to its end, in order. Once. */
  readonly parts: AsyncIterable<ResultPart>;
  /** Lets go of what was not read. */
  close(): Promise<void>;
};

/** Asks the server for it. */
export async function fetchResult(
  client: Client,
  key: string,
  signal: AbortSignal,
): Promise<OpenedResult> {
  const { contentType, size, stream } = await client.openResult(key, { wait: false, signal });
  const pieces = piecesOf(stream);
  if (contentType !== outcomeMediaType) return opened(key, contentType, size, pieces);
  return openedFrom(key, contentType, joinBytes(await Array.fromAsync(pieces)));
}

/** Of one that is here already. */
export function openedFrom(
  key: string,
  contentType: string | null,
  bytes: Uint8Array,
): Promise<OpenedResult> | OpenedResult {
  if (contentType !== outcomeMediaType) return opened(key, contentType, bytes.length, once(bytes));
  const outcome = decodeOutcome(new TextDecoder().decode(bytes));
  const parts = partsOf(outcome);
  return { outcome, sizeBytes: bytes.length, isHeld: true, parts, close: nothing };
}

/** Of one that is more than a document. */
async function opened(
  key: string,
  contentType: string | null,
  size: number | null,
  pieces: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<OpenedResult> {
  if (contentType !== archiveMediaType) {
    await pieces.return();
    throw new GridError(
      "malformed",
      `The result of ${key} is of the type ${contentType}: another kind of worker made it.`,
    );
  }
  const items = unpackArchive(pieces, [outcomeEntry, stdoutEntry, stderrEntry], "result");
  const first = await items.next();
  const outcome = decodeOutcome(await readDocument(first.value ?? undefined, outcomeEntry));
  return {
    outcome,
    sizeBytes: size ?? 0,
    isHeld: false,
    parts: partsIn(items),
    close: async () => void (await items.return()),
  };
}

async function* partsOf({ stdout, stderr }: ShippedOutcome): AsyncGenerator<ResultPart> {
  const encoder = new TextEncoder();
  yield { kind: "stdout", bytes: once(encoder.encode(stdout)) };
  yield { kind: "stderr", bytes: once(encoder.encode(stderr)) };
}

async function* partsIn(
  items: ReturnType<typeof unpackArchive>,
): AsyncGenerator<ResultPart, void, undefined> {
  for await (const { name, size, isExecutable, bytes } of items) {
    if (name === stdoutEntry) yield { kind: "stdout", bytes };
    else if (name === stderrEntry) yield { kind: "stderr", bytes };
    else yield { kind: "file", path: name, size, isExecutable, bytes };
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function* piecesOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // What was not read is not wanted.
  }
}

async function nothing(): Promise<void> {}
