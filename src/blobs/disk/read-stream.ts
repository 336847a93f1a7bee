// A part of an open file as a stream. The file is open before the stream is handed out, so that bytes deleted
// meanwhile are read to their end. It is closed with the last byte, on an error, when the reader cancels, and
// when the stream is forgotten: the run time would else end the process for an open handle it collects.

import type { FileHandle } from "node:fs/promises";
import { GridError } from "../../domain/errors.ts";
import { blobChunkBytesMax } from "../../domain/limits.ts";
import type { ByteRange } from "../../domain/blob-ref.ts";

/** Closes the files of streams that nobody can read or cancel any more. */
const forgotten = new FinalizationRegistry<FileHandle>((file) => void file.close());

/** Owns `file` from here on. Reads on demand only: a reader that stops costs no memory. */
export function createReadStream(file: FileHandle, range: ByteRange): ReadableStream<Uint8Array> {
  const end = range.start + range.length;
  // Lives exactly as long as the stream can be read or cancelled.
  const state = { position: range.start, isCancelled: false, reading: Promise.resolve() };
  forgotten.register(state, file, state);

  const close = async () => {
    forgotten.unregister(state);
    await file.close();
  };
  const readChunk = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const chunk = new Uint8Array(Math.min(blobChunkBytesMax, end - state.position));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, state.position);
    if (state.isCancelled) return;
    state.position += bytesRead;
    if (bytesRead === 0 && chunk.length > 0) throw shortened(state.position, end);
    if (bytesRead > 0) controller.enqueue(chunk.subarray(0, bytesRead));
    if (state.position < end) return;
    await close();
    controller.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const reading = readChunk(controller);
          state.reading = reading.catch(() => {}); // its error is told here, not to who cancels
          await reading;
        } catch (error) {
          await close();
          throw error;
        }
      },
      cancel: async () => {
        state.isCancelled = true;
        await state.reading; // else its descriptor could be another file's by then
        await close();
      },
    },
    { highWaterMark: 0 },
  );
}

function shortened(position: number, end: number): GridError {
  return new GridError(
    "bytes-forgotten",
    `The bytes end at ${position} where ${end} were kept: the file was damaged while it was read.`,
  );
}
