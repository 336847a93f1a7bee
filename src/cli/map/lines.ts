// Bytes cut into lines, or at another character; never more than one line is held.

import { GridError } from "../../domain/errors.ts";
import { mapLineBytesMax } from "./limits.ts";

/** Each text between two separators; nothing after the last one, unless something stands there. */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  separator: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const parts = (rest + decoder.decode(piece, { stream: true })).split(separator);
    rest = parts.pop() ?? "";
    yield* parts;
    if (rest.length > mapLineBytesMax) throw tooLong();
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

function tooLong(): GridError {
  const sentence = `A line of the arguments has more than ${mapLineBytesMax} characters, which no command takes. Are they separated by something else, as by -0?`;
  return new GridError("malformed", sentence);
}
