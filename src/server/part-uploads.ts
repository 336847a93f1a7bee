// Uploads that arrive in parts, one after the other without holes. What arrived before a cable was cut counts,
// and who comes again is told how far that was. Of one upload one request is served at a time: a later one ends
// the former, whose sender has given it up.

import type { PartStore, PartWriter, StoredParts } from "../blobs/part-store.ts";
import { GridError } from "../domain/errors.ts";
import { partialUploadCountMax } from "../domain/limits-server.ts";
import type { Part } from "./content-range.ts";
import { behindSame } from "./same-bytes.ts";

export type PartUploads = {
  /** Runs `work` as the only one with this upload. */
  alone<T>(name: string, work: (upload: PartUpload) => Promise<T>): Promise<T>;
};

export type PartUpload = {
  /** How far it has come, or null. */
  stands(): StoredParts | null;
  /**
   * Takes a part; resolves with how far the upload then is, which is durable. A part from byte 0 begins it anew.
   * `check` is called when all bytes have come; what it throws makes the part not count.
   */
  take(part: Part, bytes: AsyncIterable<Uint8Array>, check: () => void): Promise<number>;
  read(): Promise<ReadableStream<Uint8Array>>;
  forget(): Promise<void>;
};

type Turn = { readonly stop: () => void; readonly ended: Promise<void> };

export function createPartUploads(parts: PartStore): PartUploads {
  const turnsByName = new Map<string, Turn>();

  return {
    async alone(name, work) {
      const former = turnsByName.get(name);
      const stop = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      const turn: Turn = { stop: stop.resolve, ended: ended.promise };
      turnsByName.set(name, turn);
      former?.stop();
      await former?.ended;
      try {
        return await work({
          stands: () => parts.find(name),
          take: (part, bytes, check) =>
            take(parts, name, part, { bytes, check, stop: stop.promise }),
          read: () => parts.open(name, { start: 0, length: parts.find(name)?.size ?? 0 }),
          forget: () => parts.delete(name),
        });
      } finally {
        if (turnsByName.get(name) === turn) turnsByName.delete(name);
        ended.resolve();
      }
    },
  };
}

type Arriving = {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly check: () => void;
  /** Resolves when somebody else goes on with the upload. */
  readonly stop: Promise<void>;
};

async function take(
  parts: PartStore,
  name: string,
  { start, end, total }: Part,
  { bytes, check, stop }: Arriving,
): Promise<number> {
  const standing = start === 0 ? null : parts.find(name);
  const size = standing?.size ?? 0;
  if (start > size) throw hole(start, size);
  if (standing !== null && standing.total !== total) throw otherTotal(total, standing);
  if (parts.find(name) === null && parts.count() >= partialUploadCountMax) throw tooMany();
  const fresh =
    start === size
      ? bytes
      : behindSame(
          bytes,
          await parts.open(name, { start, length: Math.min(end, size) - start }),
          () => otherBytes(start, size),
        );
  const wantedCount = Math.max(end - size, 0);
  const writer = await parts.append(name, { size, total });
  const { count, cut } = await orDrop(writer, async () => {
    const copied = await copy(fresh, writer, wantedCount, stop);
    if (copied.cut === null && copied.count === wantedCount) check();
    return copied;
  });
  await writer.keep();
  if (cut !== null) throw cut;
  if (count < wantedCount) throw short(end - start, size + count);
  return size + count;
}

/** `cut` is what ended the bytes before their time; what came until then was written. */
async function copy(
  bytes: AsyncIterable<Uint8Array>,
  writer: PartWriter,
  countMax: number,
  stop: Promise<void>,
): Promise<{ readonly count: number; readonly cut: unknown }> {
  const source = bytes[Symbol.asyncIterator]();
  // No race with `stop` for each chunk: a promise that lasts keeps all that ever raced with it.
  let isStopped = false;
  let onStop = () => {};
  void stop.then(() => {
    isStopped = true;
    onStop();
  });
  const next = () =>
    new Promise<IteratorResult<Uint8Array> | { readonly cut: unknown }>((resolve) => {
      onStop = () => resolve({ cut: takenOver() });
      if (isStopped) return onStop();
      source.next().then(resolve, (error: unknown) => resolve({ cut: error }));
    });
  let count = 0;
  try {
    for (;;) {
      const chunk = await next();
      if ("cut" in chunk) return { count, cut: chunk.cut };
      if (chunk.done === true) return { count, cut: null };
      if (count + chunk.value.length > countMax) throw tooLong();
      await writer.write(chunk.value);
      count += chunk.value.length;
    }
  } finally {
    // Not waited for: a sender that has gone silent is let go when its connection is.
    void source.return?.(undefined)?.catch(() => {});
  }
}

async function orDrop<T>(writer: PartWriter, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await writer.drop();
    throw error;
  }
}

function hole(start: number, size: number): GridError {
  return notThere(
    `The part begins at byte ${start}, but only ${size} have arrived. Send the part that begins at ${size}.`,
    size,
  );
}

function otherBytes(start: number, size: number): GridError {
  return notThere(
    `${size} bytes have arrived, and those from ${start} on are not the ones sent now. Go on at ${size}, or begin anew at 0.`,
    size,
  );
}

function short(partSize: number, size: number): GridError {
  const sentence = `The body ended before the ${partSize} bytes that Content-Range names. Go on at ${size}.`;
  return new GridError("malformed", sentence, { upload_offset: size });
}

function notThere(sentence: string, size: number): GridError {
  return new GridError("range-not-satisfiable", sentence, { upload_offset: size });
}

function otherTotal(total: number, standing: StoredParts): GridError {
  return new GridError(
    "malformed",
    `The first part said ${standing.total} bytes in all, this one says ${total}. Say the same, or begin anew at 0.`,
    { upload_offset: standing.size },
  );
}

function tooLong(): GridError {
  return new GridError(
    "malformed",
    "The body has more bytes than Content-Range names. The part was not kept; send it again.",
  );
}

function tooMany(): GridError {
  return new GridError(
    "overloaded",
    `${partialUploadCountMax} results are arriving in parts already. Send the whole at once, or come again later.`,
  );
}

/** Nobody reads it: the same sender has opened another request. */
function takenOver(): GridError {
  return new GridError("overloaded", "Another request goes on with this upload.");
}
