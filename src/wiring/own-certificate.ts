// The certificate that a server made itself: kept in its data directory, so that its pin stays what people wrote
// down. Made anew only where none is. Loaded by servers that want one.

import { join } from "node:path";

import { errorCodeOf, readTextOrNull, replaceFile } from "../platform/durable-files.ts";
import type { Log } from "../platform/log.ts";
import { pinOf } from "../platform/pin.ts";
import type { Pin } from "../platform/pin.ts";
import { makeSelfSigned, readCertificateAndKey } from "../platform/self-signed.ts";
import type { CertificateAndKey } from "../platform/self-signed.ts";
import { StartError } from "../platform/start-error.ts";
import { certificateName } from "./data-dir.ts";

export type OwnCertificate = CertificateAndKey & { readonly pin: Pin };

export type OwnCertificateOptions = {
  /** The data directory. */
  readonly directory: string;
  /** The server's name for people. */
  readonly name: string;
  /** What else it is called: host names and addresses. */
  readonly hosts: readonly string[];
  readonly log: Log;
};

/** Certificate and key are one file, so that a crash cannot leave the one without the other. */
export async function openOwnCertificate(options: OwnCertificateOptions): Promise<OwnCertificate> {
  const path = join(options.directory, certificateName);
  const text = await readTextOrNull(path);
  if (text !== null) {
    const found = readCertificateAndKey(text);
    if (found === null) throw damaged(path);
    return { ...found, pin: pinOf(found.cert) };
  }
  const { name, hosts, log } = options;
  const made = makeSelfSigned(name, ["localhost", "127.0.0.1", "::1", name, ...hosts]);
  await replaceFile(path, made.cert + made.key).catch((error: unknown) => {
    throw unwritten(path, error);
  });
  const pin = pinOf(made.cert);
  log.info("tls.certificate_made", { pin });
  return { ...made, pin };
}

function unwritten(path: string, cause: unknown): StartError {
  const code = errorCodeOf(cause) ?? "unknown error";
  return new StartError(
    3,
    `The server's own certificate cannot be written to ${path} (${code}). Free space on that disk, or set data_dir to another one.`,
    { cause },
  );
}

function damaged(path: string): StartError {
  return new StartError(
    3,
    `The file ${path} does not hold a certificate and its key. Put it back from a copy; or remove it, and the server makes a new one, whose pin every worker then needs.`,
  );
}
