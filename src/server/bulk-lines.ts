// A bulk submission as NDJSON: one JSON object for each line, {"key":…,"payload":"text"} or "payload_base64", with
// options beside them. Holds one line and the jobs of one piece of the body at a time.

import { GridError } from "../domain/errors.ts";
import { bulkLineBytesMax } from "../domain/limits-server.ts";
import {
  readBulkJob,
  refuse,
  type BulkItem,
  type BulkItems,
  type BulkJobDeps,
  type GivenOptions,
} from "./bulk-job.ts";
import { createByteWindow, type ByteWindow } from "./byte-window.ts";

const lineEnd = Uint8Array.of(10);

/** Items by their lines; empty lines are passed over, and count. */
export async function* readLines(deps: BulkJobDeps, bytes: AsyncIterable<Uint8Array>): BulkItems {
  const window = createByteWindow(bytes);
  let line = 0;
  try {
    do {
      const items: BulkItem[] = [];
      for (let text = takeLine(window); text !== null; text = takeLine(window)) {
        line += 1;
        if (!isBlank(text)) items.push(await readLine(deps, line, text));
      }
      if (window.size > bulkLineBytesMax) {
        line += 1;
        yield [...items, refuse(line, lineTooLong())];
        await skipLine(window);
      } else if (items.length > 0) yield items;
    } while (window.find(lineEnd) !== null || (await window.more()));
    const rest = window.take(window.size); // The last line may lack its end.
    if (!isBlank(rest)) yield [await readLine(deps, line + 1, rest)];
  } finally {
    await window.close();
  }
}

function takeLine(window: ByteWindow): Uint8Array | null {
  const length = window.find(lineEnd);
  return length === null ? null : window.take(length + 1).subarray(0, length);
}

/** Goes to the beginning of the next line, or to the end. */
async function skipLine(window: ByteWindow): Promise<void> {
  do {
    if (window.takeUntil(lineEnd).isEnd) return;
  } while (await window.more());
}

async function readLine(deps: BulkJobDeps, line: number, bytes: Uint8Array): Promise<BulkItem> {
  try {
    if (bytes.length > bulkLineBytesMax) throw lineTooLong();
    const { payload, payload_base64: base64, ...options } = parseLine(bytes);
    return await readBulkJob(deps, line, options, readPayload(payload, base64));
  } catch (error) {
    return refuse(line, error);
  }
}

function parseLine(bytes: Uint8Array): GivenOptions {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as GivenOptions;
  } catch {
    // Told below, like JSON that is no object.
  }
  throw new GridError(
    "malformed",
    "The line is no JSON object in UTF-8. Write one job for each line.",
  );
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

function readPayload(text: unknown, base64: unknown): Uint8Array {
  if (base64 === undefined && typeof text === "string") {
    if (text.isWellFormed()) return encoder.encode(text);
    throw new GridError(
      "malformed",
      "payload is no valid Unicode. Send the bytes as payload_base64.",
    );
  }
  if (text === undefined && typeof base64 === "string") return fromBase64(base64);
  throw new GridError(
    "malformed",
    "The line needs one of payload, which is text, and payload_base64, which is bytes.",
  );
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    throw new GridError("malformed", "payload_base64 is no base64.", {}, { cause: error });
  }
}

/** Line ends of Windows, and blanks, are nothing. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 32 || byte === 13 || byte === 9);
}

function lineTooLong(): GridError {
  return new GridError(
    "payload-too-large",
    `The line has more than ${bulkLineBytesMax} bytes. Send this job in a form, or alone.`,
  );
}
