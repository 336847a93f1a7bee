// Reads multipart/form-data (RFC 7578) as it arrives: one part at a time, its bytes handed on and never
// gathered, in time that grows with the body alone. What a reader leaves of a part is skipped. A body that is
// cut short is always noticed, in the midst of a part by whoever reads it.

import { assert } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import { multipartHeaderBytesMax, multipartPartCountMax } from "../domain/limits-server.ts";
import { createByteWindow } from "./byte-window.ts";
import type { ByteWindow } from "./byte-window.ts";
import { parseParameters, parsePartHeader } from "./multipart-header.ts";

export type Part = {
  readonly name: string;
  readonly filename: string | null;
  readonly contentType: string | null;
  /** To be read before the next part is asked for, or not at all. Chunks are views. */
  readonly body: AsyncIterable<Uint8Array>;
};

export type MultipartLimits = { readonly partCountMax: number };

/** The boundary that a Content-Type header announces. */
export function boundaryOf(contentType: string | null): string {
  const [type = "", ...rest] = (contentType ?? "").split(";");
  if (type.trim().toLowerCase() !== "multipart/form-data") {
    const given = type.trim().slice(0, 64);
    throw malformed(`The Content-Type is "${given}"; a form needs "multipart/form-data".`);
  }
  const boundary = parseParameters(`;${rest.join(";")}`).get("boundary") ?? "";
  if (boundary === "") {
    throw malformed(
      "The Content-Type multipart/form-data has no boundary. Let the client write it.",
    );
  }
  if (!/^[\x20-\x7e]{1,70}$/.test(boundary)) {
    throw malformed("The multipart boundary is not made of 1 to 70 printable ASCII characters.");
  }
  return boundary;
}

/** The parts in their order. Ends when the body ends; stopping early lets go of it. */
export async function* parseMultipart(
  stream: AsyncIterable<Uint8Array>,
  boundary: string,
  { partCountMax }: MultipartLimits = { partCountMax: multipartPartCountMax },
): AsyncGenerator<Part, void, void> {
  const window = createByteWindow(stream);
  const delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  try {
    // The first delimiter may open the body: then there is no line end before it.
    window.prepend(delimiter.subarray(0, 2));
    await skipPreamble(window, delimiter);
    for (let ordinal = 1; !(await isLastDelimiter(window)); ordinal += 1) {
      if (ordinal > partCountMax) {
        throw malformed(`The form has more than ${partCountMax} parts. Send fewer in one request.`);
      }
      const header = parsePartHeader(await readHeader(window, ordinal), ordinal);
      const content = createContent(window, delimiter, ordinal);
      yield { ...header, body: content.body };
      await content.skip();
    }
    await skipEpilogue(window);
  } finally {
    await window.close();
  }
}

/** The bytes of one part, up to the delimiter that ends it. */
function createContent(window: ByteWindow, delimiter: Uint8Array, ordinal: number) {
  let state: "open" | "read" | "left" = "open";
  const next = async (): Promise<Uint8Array | null> => {
    while (state === "open") {
      const found = window.takeUntil(delimiter);
      if (found.isEnd) state = "read";
      if (found.bytes.length > 0) return found.bytes;
      if (!found.isEnd && !(await window.more()))
        throw cutShort(`in the middle of part ${ordinal}`);
    }
    assert(state === "read", "a part is read before the next one is asked for");
    return null;
  };
  async function* body(): AsyncGenerator<Uint8Array, void, void> {
    for (let bytes = await next(); bytes !== null; bytes = await next()) yield bytes;
  }
  const skip = async () => {
    while ((await next()) !== null);
    state = "left";
  };
  return { body: body(), skip };
}

/** After a delimiter: `--` ends the form, anything else begins a part. */
async function isLastDelimiter(window: ByteWindow): Promise<boolean> {
  while (window.size < 2) {
    if (!(await window.more())) throw cutShort("after a boundary");
  }
  return window.startsWith("--");
}

const headerEnd = new TextEncoder().encode("\r\n\r\n");

/** The rest of the delimiter's line and the header lines of the part, up to the empty line that ends them. */
async function readHeader(window: ByteWindow, ordinal: number): Promise<Uint8Array> {
  for (;;) {
    const length = window.find(headerEnd);
    if (length !== null && length <= multipartHeaderBytesMax) {
      return window.take(length + headerEnd.length).subarray(0, length);
    }
    if (window.size > multipartHeaderBytesMax + headerEnd.length) {
      throw malformed(
        `The header of part ${ordinal} has more than ${multipartHeaderBytesMax} bytes. Shorten its names.`,
      );
    }
    if (!(await window.more())) throw cutShort(`in the header of part ${ordinal}`);
  }
}

async function skipPreamble(window: ByteWindow, delimiter: Uint8Array): Promise<void> {
  let skippedBytes = 0;
  for (;;) {
    const { bytes, isEnd } = window.takeUntil(delimiter);
    skippedBytes += bytes.length;
    if (isEnd) return;
    if (skippedBytes > multipartHeaderBytesMax) {
      throw malformed("The body does not begin with the boundary that its Content-Type announces.");
    }
    if (!(await window.more()))
      throw cutShort("before the first boundary that its Content-Type announces");
  }
}

async function skipEpilogue(window: ByteWindow): Promise<void> {
  let skippedBytes = 0;
  do {
    skippedBytes += window.take(window.size).length;
    if (skippedBytes > multipartHeaderBytesMax) {
      throw malformed(`More than ${multipartHeaderBytesMax} bytes follow the end of the form.`);
    }
  } while (await window.more());
}

function cutShort(where: string): GridError {
  return malformed(`The body ended ${where}: it was cut short. Send the whole form again.`);
}

function malformed(message: string): GridError {
  return new GridError("malformed", message);
}
