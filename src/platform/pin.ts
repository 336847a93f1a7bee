// A certificate's pin: the SHA-256 of the whole certificate, written `sha256:` and 64 hex digits. A server prints
// it, a person carries it over, and whoever has it recognises that server and no other.

import { X509Certificate } from "node:crypto";

import { GridError } from "../domain/errors.ts";

/** Lower case, as `parsePin` and `pinOf` make it. */
export type Pin = `sha256:${string}`;

/** `malformed` unless the text is a pin. */
export function parsePin(text: string): Pin {
  const [, digits] = /^sha256:(.*)$/is.exec(text.trim()) ?? [];
  if (digits === undefined) {
    throw malformed(`The pin ${shown(text)} does not begin with "sha256:".`);
  }
  if (!/^[0-9a-f]*$/i.test(digits)) {
    throw malformed(`The pin ${shown(text)} holds other characters than hex digits.`);
  }
  if (digits.length !== hexDigitCount) {
    throw malformed(`The pin ${shown(text)} has ${digits.length} digits, not ${hexDigitCount}.`);
  }
  return `sha256:${digits.toLowerCase()}`;
}

/** The pin of a certificate in DER or PEM. */
export function pinOf(certificate: Uint8Array | string): Pin {
  const { fingerprint256 } = new X509Certificate(certificate);
  return `sha256:${fingerprint256.replaceAll(":", "").toLowerCase()}`;
}

const hexDigitCount = 64;
const shownCharactersMax = 100;

function shown(text: string): string {
  return JSON.stringify(text.slice(0, shownCharactersMax));
}

function malformed(what: string): GridError {
  return new GridError(
    "malformed",
    `${what} Copy it whole from what the server printed: sha256: and ${hexDigitCount} hex digits.`,
  );
}
