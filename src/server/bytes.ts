// Answers with bytes: the whole, a part, or the news that the reader has them already. The hash of the bytes
// is their ETag, so that a copy kept anywhere is recognised and a broken download can be continued.

import type { ByteRange, Content } from "../domain/blob-ref.ts";
import { GridError } from "../domain/errors.ts";
import { ownHeaders, type HeaderSet } from "./own-headers.ts";

export type Download = {
  readonly content: Content;
  readonly fileName: string;
  readonly open: (range?: ByteRange) => Promise<ReadableStream<Uint8Array> | Uint8Array>;
};

/** The whole, whatever part of it the request asks for. */
export async function answerWhole(download: Download): Promise<Response> {
  const headers = headersOf(download, `"${download.content.sha256}"`);
  return new Response(toBody(await download.open()), { headers });
}

export async function answerBytes(
  request: Request,
  set: HeaderSet,
  download: Download,
): Promise<Response> {
  const { content, open } = download;
  const etag = `"${content.sha256}"`;
  const headers = headersOf(download, etag);
  if (isKnown(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers: ownHeaders(set, headers) });
  }
  if (request.method === "HEAD") {
    const sized = { ...headers, "content-length": String(content.size) };
    return new Response(null, { headers: ownHeaders(set, sized) });
  }
  const asked = request.headers.get("range");
  const isSame = [null, etag].includes(request.headers.get("if-range"));
  const range = asked === null || !isSame ? "whole" : readRange(asked, content.size);
  if (range === "whole") {
    const body = toBody(await open());
    return new Response(body, { headers: ownHeaders(set, headers) });
  }
  if (range === "outside") {
    throw new GridError(
      "range-not-satisfiable",
      `The range ${asked?.slice(0, 64)} lies outside the ${content.size} bytes.`,
      { size: content.size },
    );
  }
  const end = range.start + range.length - 1;
  const part = { ...headers, "content-range": `bytes ${range.start}-${end}/${content.size}` };
  const body = toBody(await open(range));
  return new Response(body, { status: 206, headers: ownHeaders(set, part) });
}

/**
 * The one part that is asked for. Several parts, other units and what cannot be read count as no question:
 * the whole is a right answer to them (RFC 9110, 14.2).
 */
export function readRange(header: string, size: number): ByteRange | "whole" | "outside" {
  const [, first = "", last = ""] =
    /^bytes=([0-9]{0,15})-([0-9]{0,15})$/i.exec(header.trim()) ?? [];
  if (first === "" && last === "") return "whole";
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "outside" : { start: size - length, length };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return "whole";
  return start >= size ? "outside" : { start, length: end - start + 1 };
}

/** Strangers made these bytes: a browser keeps them as a file and never runs them as a page of ours. */
function headersOf({ content, fileName }: Download, etag: string): Record<string, string> {
  return {
    etag,
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    "content-type": content.contentType ?? "application/octet-stream",
    "content-disposition": disposition(fileName),
    "content-security-policy": "sandbox",
    "repr-digest": `sha-256=:${Uint8Array.fromHex(content.sha256).toBase64()}:`,
    "x-content-type-options": "nosniff",
  };
}

/** A key may hold any character and slashes; a header may not, and a file name should not (RFC 8187). */
export function disposition(name: string): string {
  if (plainNamePattern.test(name))
    return `attachment; filename="${name}"; filename*=UTF-8''${name}`;
  const safe = name.replaceAll(/[/\\]/g, "_");
  const plain = safe.replaceAll(/[^A-Za-z0-9._ -]/g, "_");
  const encoded = encodeURIComponent(safe).replaceAll(/['()*]/g, percent);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** The same in both writings. */
const plainNamePattern = /^[A-Za-z0-9._-]{1,255}$/;

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** True when the reader has these bytes: a weak mark is as good here, as in RFC 9110, 13.1.2. */
function isKnown(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(",").some((mark) => ["*", etag].includes(mark.trim().replace(/^W\//, "")));
}

type Body = ConstructorParameters<typeof Response>[0];

function toBody(bytes: ReadableStream<Uint8Array> | Uint8Array): Body {
  return bytes as Body; // The library's types want another buffer type; at run time it is the same.
}
