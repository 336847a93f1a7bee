// What a warm program answers, as far as it goes beyond a few kilobytes: a result that may be large, and a text of
// which a failure tells the beginning.

import { unreachable } from "../../domain/assert.ts";
import { joinBytes } from "../../domain/join-bytes.ts";
import { collectOutput } from "../command/job-output.ts";
import { failed, tooLarge } from "../command/judge-end.ts";
import type { Outcome } from "../runner.ts";

/** The job is done with these bytes, unless they are more than allowed or than the disk takes. Rejects as they do. */
export async function doneWith(
  pieces: AsyncIterable<Uint8Array>,
  contentType: string | null,
  place: { readonly directory: string; readonly resultBytesMax: number },
): Promise<Outcome> {
  const limits = { file: resultPath(place.directory), bytesMax: place.resultBytesMax };
  let broken: unknown = null;
  async function* watched() {
    try {
      yield* pieces;
    } catch (error) {
      broken = error;
      throw error;
    }
  }
  const collected = await collectOutput(watched(), limits);
  if (broken !== null) throw broken; // Taken for a full disk there, where only the disk can fail.
  switch (collected.kind) {
    case "whole":
      return { kind: "done", result: collected.bytes, contentType };
    case "too-large":
      return failed(tooLarge(place.resultBytesMax));
    case "no-space":
      return { kind: "released", why: "no_space" };
    default:
      return unreachable(collected);
  }
}

/** Where in a job's folder a large result lies. */
export function resultPath(directory: string): string {
  return `${directory}/result`;
}

/** The beginning of a text. What follows is let go. */
export async function takeText(
  pieces: ReadableStream<Uint8Array>,
  sizeBytesMax: number,
): Promise<string> {
  const taken: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of pieces) {
    taken.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes >= sizeBytesMax) break; // Leaving the loop cancels the stream.
  }
  return new TextDecoder().decode(joinBytes(taken).subarray(0, sizeBytesMax));
}
