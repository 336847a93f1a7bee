// Keeps one link to the server for as long as somebody wants one, across restarts and cut cables, and gives up when
// that is hopeless: then its owner's work fails, and the next wish begins anew.

import type { ClientHears, WelcomeMessage } from "../../protocol/client-messages.ts";
import type { MessageHeader } from "../../protocol/frame.ts";
import { ClientError } from "../client-error.ts";
import { clientRetryAfterMsMax, clientRetryCountMax } from "../limits.ts";
import { readNothing } from "../read-answer.ts";
import type { Transport } from "../request.ts";
import { isPassing, jitterMs } from "../retry.ts";
import { openLink, type Link, type LinkAddress } from "./link.ts";

export type Line = {
  /** Opens a link, unless there is one or one is under way. */
  want(): void;
  /** False while no server has said welcome: nothing can be sent then. */
  isUp(): boolean;
  send(header: MessageHeader, body?: Uint8Array): void;
  /** Ends it for good; resolves when the link has ended. */
  close(): Promise<void>;
};

export type LineEvents = {
  readonly onWelcome: (welcome: WelcomeMessage) => void;
  readonly onMessage: (said: ClientHears, body: Uint8Array) => void;
  /** Whether there is work for a link. */
  readonly isWanted: () => boolean;
  /** No link can be had; what waits for one fails. */
  readonly onGivenUp: (error: ClientError) => void;
};

export function createLine(transport: Transport, address: LinkAddress, events: LineEvents): Line {
  const { runtime } = transport;
  let link: Link | null = null;
  let isUp = false;
  let isGood = false; // Something was done over it: the next one need not wait long.
  let retryAfterMs = 0;
  let tries = 0; // Since a good one.
  let failures = 0; // Since a server said welcome.
  let isBusy = false; // From a wish until it has ended in a link or in none.
  let isClosed = false;
  let cancelPause = () => {};
  let resolveEnd = () => {};
  const ended = new Promise<void>((resolve) => {
    resolveEnd = resolve;
  });

  const connect = () => {
    isBusy = true;
    retryAfterMs = 0;
    try {
      link = openLink(runtime, address, { onMessage: hear, onEnd: end });
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      const sentence = `No WebSocket can be opened to ${new URL(address.url).origin}: ${words}`;
      giveUp(new ClientError("unreachable", sentence, { cause: error }));
    }
  };
  const hear = (said: ClientHears, body: Uint8Array) => {
    if (isClosed) return;
    if (said.op === "welcome") {
      isUp = true;
      failures = 0;
      return events.onWelcome(said);
    }
    if (said.op === "bye") retryAfterMs = Math.min(said.retry_after_ms, clientRetryAfterMsMax);
    else {
      isGood = true;
      events.onMessage(said, body);
    }
  };
  const end = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
    link = null;
    if (isClosed) return resolveEnd();
    const hasStood = isUp;
    tries = isGood ? 1 : tries + 1;
    isUp = false;
    isGood = false;
    const final = finalError(code, reason);
    if (final !== null) return giveUp(final);
    if (hasStood) return again();
    failures += 1;
    void askWhy(transport, reason).then(judge, giveUp);
  };
  const judge = (error: ClientError) => {
    if (isClosed) return;
    const isHopeless = !isPassing(error) || failures > clientRetryCountMax;
    if (isHopeless) return giveUp(error);
    retryAfterMs = Math.min(error.retryAfterMs ?? 0, clientRetryAfterMsMax);
    again();
  };
  const again = () => {
    isBusy = events.isWanted();
    if (!isBusy) return;
    cancelPause = runtime.after(retryAfterMs + jitterMs(tries, runtime.fraction()), connect);
  };
  const giveUp = (error: ClientError) => {
    isBusy = false;
    tries = 0;
    failures = 0;
    if (!isClosed) events.onGivenUp(error);
  };

  return {
    want() {
      if (!isBusy && !isClosed) connect();
    },
    isUp: () => isUp,
    send: (header, body) => link?.send(header, body),
    close() {
      if (isClosed) return ended;
      isClosed = true;
      isUp = false;
      cancelPause();
      if (link === null) resolveEnd();
      else link.close(1000, "done");
      return ended;
    },
  };
}

/** Why another try would end in the same way, or null. */
function finalError(code: number, reason: string): ClientError | null {
  const said = reason === "" ? "" : `: ${reason}`;
  switch (code) {
    case 4400:
      // Of this version or not: the two do not understand one another.
      return new ClientError("protocol-version", `The connection ended as malformed${said}`);
    case 4401:
      return new ClientError(
        "unauthenticated",
        `The server does not take the token any more${said}`,
      );
    case 4403:
      return new ClientError("forbidden", `The server does not allow the connection${said}`);
    case 4426:
      return new ClientError("protocol-version", `The server does not speak this version${said}`);
    default:
      return null;
  }
}

/** Runtimes do not tell how an upgrade was answered. The same address, asked in the plain way, does. */
async function askWhy(transport: Transport, reason: string): Promise<ClientError> {
  const call = { method: "GET", path: ["client"], isRepeatable: false, signal: undefined } as const;
  try {
    await transport.send(call, readNothing);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    // This is what it says to whoever may open a socket and did not ask for one.
    if (error.code !== "malformed") return error;
  }
  const words = reason === "" ? "" : ` (${reason})`;
  const sentence = `The server answers, but a WebSocket to it does not stand${words}. Does a proxy between let it through?`;
  return new ClientError("unreachable", sentence);
}
