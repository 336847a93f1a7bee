// Makes a certificate that vouches for itself: ECDSA on P-256, for one server and its names. Whoever trusts it
// trusts exactly it, as it can vouch for no other. Its own file, so that only who needs one loads this.

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";

import {
  addressBytes,
  ascii,
  bitString,
  generalizedTime,
  integer,
  numbered,
  numberedBytes,
  objectId,
  octetString,
  positiveInteger,
  sequence,
  setOf,
  utcTime,
  utf8,
  yes,
} from "./der.ts";

/** Texts in PEM. */
export type CertificateAndKey = { readonly cert: string; readonly key: string };

/**
 * `name` is shown to people. `hosts` are host names and addresses that it is to be valid for; what can be neither is
 * left out.
 */
export function makeSelfSigned(name: string, hosts: readonly string[]): CertificateAndKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyInfo = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const subject = nameOf(name);
  const facts = sequence(
    numbered(0, integer(2)), // Counted from 0: version 3.
    positiveInteger(new Uint8Array(createHash("sha256").update(keyInfo).digest().subarray(0, 16))),
    ecdsaWithSha256,
    subject,
    validity,
    subject,
    keyInfo,
    numbered(3, sequence(...usage, extension("2.5.29.17", alternativeNames(hosts)))),
  );
  const signature = new Uint8Array(sign("sha256", facts, privateKey));
  const certificate = sequence(facts, ecdsaWithSha256, bitString(signature));
  return {
    cert: new X509Certificate(certificate).toString(),
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

/** The certificate and its key out of one text, or null unless both are there and belong together. */
export function readCertificateAndKey(pem: string): CertificateAndKey | null {
  const cert = blockOf(pem, "CERTIFICATE");
  const key = blockOf(pem, "PRIVATE KEY");
  if (cert === null || key === null) return null;
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? { cert, key } : null;
  } catch {
    return null; // Something stands between the lines that is neither.
  }
}

function blockOf(pem: string, kind: string): string | null {
  return new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----\n?`).exec(pem)?.[0] ?? null;
}

const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));

/**
 * Always: who has the pin needs no date, and an old machine whose clock stands at 1970 is to be served too. The end
 * is the one that RFC 5280 gives to certificates without one.
 */
const validity = sequence(utcTime("700101000000Z"), generalizedTime("99991231235959Z"));

/** It signs its own handshakes as a server, and vouches for no other certificate. */
const usage = [
  extension("2.5.29.19", sequence(), yes), // Basic constraints: no authority.
  extension("2.5.29.15", bitString(Uint8Array.of(0x80), 7), yes), // Key usage: signatures.
  extension("2.5.29.37", sequence(objectId("1.3.6.1.5.5.7.3.1"))), // Extended: TLS server.
];

function extension(id: string, value: Uint8Array, ...critical: readonly Uint8Array[]): Uint8Array {
  return sequence(objectId(id), ...critical, octetString(value));
}

function nameOf(name: string): Uint8Array {
  return sequence(setOf(sequence(objectId("2.5.4.3"), utf8(name))));
}

function alternativeNames(hosts: readonly string[]): Uint8Array {
  const names = [...new Set(hosts.map((host) => host.toLowerCase()))].flatMap((host) => {
    if (isIP(host) !== 0) return [numberedBytes(7, addressBytes(host))];
    return isHostName(host) ? [numberedBytes(2, ascii(host))] : [];
  });
  return sequence(...names.slice(0, hostCountMax));
}

/** The certificate travels with each handshake: a machine of a thousand addresses names the first ones only. */
const hostCountMax = 64;

function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(
      text,
    )
  );
}
