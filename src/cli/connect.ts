// A command's way to its server: finds it, runs the command with a client, and turns what goes wrong into a sentence
// and an exit code. An interrupt ends the command, never a job.

import { ClientError, createClient, type Client } from "../client/index.ts";
import { GridError } from "../domain/errors.ts";
import { errorCodeOf } from "../platform/durable-files.ts";
import { exitWhenDone } from "../platform/program.ts";
import { onStopSignal } from "../platform/signals.ts";
import { ReaderGone } from "../platform/terminal.ts";
import { inCommandWords } from "./command-words.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice } from "./output.ts";
import { toSafeText } from "./safe-text.ts";
import { findServer, type ServerAddress } from "./server-address.ts";
import { codeOfError, UsageMistake } from "./trouble.ts";

/** The flags that name a server, as commander hands them over. */
export type ServerFlags = { readonly server?: string; readonly url?: string };

export type Grid = {
  readonly client: Client;
  readonly address: ServerAddress;
  /** Fires when the command is interrupted. */
  readonly signal: AbortSignal;
};

export type UseOptions = {
  /** Told when the command is interrupted, such as that jobs go on. */
  readonly interruptedNotice?: () => string;
};

/** Runs `work`, whose answer is the exit code. */
export async function useServer(
  flags: ServerFlags,
  work: (grid: Grid) => Promise<number>,
  { interruptedNotice = () => "Interrupted." }: UseOptions = {},
): Promise<void> {
  const found = findServer({ name: flags.server ?? null, url: flags.url ?? null });
  if (typeof found === "string") {
    printNotice(`gridlike: ${found}`);
    return exitWhenDone(exitCode.usage);
  }
  const stop = new AbortController();
  onStopSignal((name) => stop.abort(new Interrupted(name)));
  try {
    const client = await connect(found, stop.signal);
    exitWhenDone(await work({ client, address: found, signal: stop.signal }));
  } catch (error) {
    if (error instanceof Interrupted) printNotice(interruptedNotice());
    exitWhenDone(tell(error, found));
  }
}

/** A client of this server. With a pin it first looks whether the server is the one that is meant. */
export async function connect(address: ServerAddress, signal: AbortSignal): Promise<Client> {
  const { url, token, pin } = address;
  const options = { url, ...(token === undefined ? {} : { token }), isPatientAtFirst: false };
  if (pin === undefined) return createClient(options);
  const { createPinnedFetch, openPinned, UnreachableError } =
    await import("../platform/pinned-tls.ts");
  const tls = await openPinned(url, pin, signal).catch((error: unknown) => {
    if (error instanceof UnreachableError) throw new ClientError("unreachable", error.message);
    if (!(error instanceof GridError)) throw error;
    const status = error.code === "forbidden" ? 403 : null;
    throw new ClientError(error.code, error.message, { status });
  });
  return createClient({ ...options, fetch: createPinnedFetch(tls) });
}

/** Tells what ended a command, and answers with its exit code. Throws on what is a bug of ours. */
function tell(error: unknown, address: ServerAddress): number {
  if (error instanceof ReaderGone) return exitCode.ok;
  if (error instanceof Interrupted) {
    return error.signal === "SIGINT" ? exitCode.interrupted : exitCode.stopped;
  }
  if (error instanceof UsageMistake) {
    printNotice(`gridlike: ${toSafeText(error.message)}`);
    return exitCode.usage;
  }
  if (!(error instanceof ClientError)) throw error;
  printNotice(`gridlike: ${sentenceFor(error, address)}${hint(error, address)}`);
  return codeOfError(error);
}

/** What the server and the runtime say of these is for programmers. */
function sentenceFor(error: ClientError, { url, tokenFrom }: ServerAddress): string {
  if (error.code === "unauthenticated") {
    return `The server at ${url} ${tokenFrom === null ? "wants a key, and none was sent" : "does not know this key"}.`;
  }
  const cause = errorCodeOf(error.cause);
  if (error.code !== "unreachable" || cause === null) return inCommandWords(error.message);
  return isAboutCertificate(cause)
    ? `The server at ${url} has a certificate that this machine does not trust (${cause}).`
    : `No server answers at ${url} (${cause}).`;
}

function isAboutCertificate(code: string | null): boolean {
  return /CERT|SIGNATURE|SELF_SIGNED|ALTNAME|ISSUER/.test(code ?? "");
}

/** What the user can do about it, where the server cannot know. */
function hint({ code, status, cause }: ClientError, address: ServerAddress): string {
  const { urlFrom, tokenFrom } = address;
  if (code === "unreachable" && isAboutCertificate(errorCodeOf(cause))) {
    return "\nIf it made the certificate itself, it printed a pin when it started: set GRIDLIKE_PIN to it, or give it\nto gridlike context add.";
  }
  if (code === "unreachable" && status === null) {
    const from =
      urlFrom === null
        ? "Nothing names a server, so this one was tried"
        : `The address comes from ${urlFrom}`;
    return `\n${from}. Start one with gridlike up, or name another: --url,\nGRIDLIKE_URL and GRIDLIKE_TOKEN, or gridlike context add.`;
  }
  if (code !== "unauthenticated") return "";
  return tokenFrom === null
    ? "\nSet GRIDLIKE_TOKEN to the API key of the server, or enter it with gridlike context add."
    : `\nThe key comes from ${tokenFrom}. It has to be the API key, not the worker token.`;
}

class Interrupted extends Error {
  constructor(readonly signal: string) {
    super("Interrupted.");
    this.name = "Interrupted";
  }
}
