// The header of one part of a form, as browsers and tools really write it: quoted names with escapes, names in
// UTF-8 or as RFC 5987 has them, folded lines. What else it says, as Content-Transfer-Encoding, is ignored.

import { GridError } from "../domain/errors.ts";

export type PartHeader = {
  readonly name: string;
  readonly filename: string | null;
  readonly contentType: string | null;
};

/** `ordinal`: which one it is, counted from 1, for the sentence that refuses it. */
export function parsePartHeader(bytes: Uint8Array, ordinal: number): PartHeader {
  const fields = parseFields(decodeText(bytes, ordinal), ordinal);
  const disposition = fields.get("content-disposition") ?? "";
  if (!/^form-data[ \t]*(?:;|$)/i.test(disposition)) {
    throw malformed(`Part ${ordinal} has no header line "Content-Disposition: form-data".`);
  }
  const parameters = parseParameters(disposition.slice("form-data".length));
  const name = parameters.get("name");
  if (name === undefined) {
    throw malformed(
      `Part ${ordinal} has no name. Write: Content-Disposition: form-data; name="…".`,
    );
  }
  return {
    name: fromFormText(name),
    filename: filenameOf(parameters),
    contentType: fields.get("content-type") || null,
  };
}

/** What follows a header's first word: `; name=value; other="quoted \" value"`. Names in lower case. */
export function parseParameters(text: string): ReadonlyMap<string, string> {
  // Each piece begins with its semicolon and may be empty. No two ways to match, so no backtracking that grows.
  const piece =
    /[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[^])*)"|([^;"]*)))?/y;
  const parameters = new Map<string, string>();
  const whole = text.trimEnd();
  while (piece.lastIndex < whole.length) {
    const at = piece.lastIndex;
    const found = piece.exec(whole);
    if (found === null) {
      throw malformed(`A header cannot be understood from "${whole.slice(at, at + 40)}" on.`);
    }
    const [, name, quoted, plain] = found;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (parameters.has(key)) throw malformed(`A header says "${key.slice(0, 40)}" twice.`);
    parameters.set(key, quoted?.replace(/\\(["\\])/g, "$1") ?? plain?.trimEnd() ?? "");
  }
  return parameters;
}

function parseFields(text: string, ordinal: number): ReadonlyMap<string, string> {
  const [padding = "", ...lines] = text.replace(/\r\n(?=[ \t])/g, "").split("\r\n");
  if (padding.trim() !== "") {
    throw malformed(
      `The boundary before part ${ordinal} is followed by "${padding.slice(0, 40)}" instead of a line end.`,
    );
  }
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) {
      throw malformed(`Part ${ordinal} has a header line without a name: "${line.slice(0, 40)}".`);
    }
    const name = line.slice(0, colon).trim().toLowerCase();
    if (!fields.has(name)) fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

function filenameOf(parameters: ReadonlyMap<string, string>): string | null {
  const extended = fromExtended(parameters.get("filename*") ?? "");
  if (extended !== null) return extended;
  const plain = parameters.get("filename");
  return plain === undefined ? null : fromFormText(plain);
}

/** `UTF-8''na%C3%AFve.txt`; null for anything else, as the plain name then serves. */
function fromExtended(value: string): string | null {
  const encoded = /^utf-8'[^']*'([^']*)$/i.exec(value)?.[1];
  if (encoded === undefined) return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

/** Browsers write the three characters that would end a quoted name in this way, and no other. */
function fromFormText(text: string): string {
  return text.replace(/%22|%0D|%0A/gi, decodeURIComponent);
}

function decodeText(bytes: Uint8Array, ordinal: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new GridError(
      "malformed",
      `The header of part ${ordinal} is not UTF-8. Send its names in UTF-8.`,
      {},
      { cause: error },
    );
  }
}

function malformed(message: string): GridError {
  return new GridError("malformed", message);
}
