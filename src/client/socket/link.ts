// One WebSocket to the server, from the upgrade to its end. Gathers what is said in one turn into few frames, and
// notices a silent cable by itself, with one timer. Knows no jobs.

import { GridError } from "../../domain/errors.ts";
import { frameBytesMax, frameMessageCountMax } from "../../domain/limits.ts";
import { joinBytes } from "../../domain/join-bytes.ts";
import {
  clientProtocol,
  parseToldMessage,
  tokenProtocolStart,
  type ClientHears,
} from "../../protocol/client-messages.ts";
import { decodeFrame, encodeMessage, type MessageHeader } from "../../protocol/frame.ts";
import { toBase64 } from "../encoding.ts";
import {
  clientCloseMsMax,
  clientConnectMsMax,
  clientQuietMs,
  clientSilentMsMax,
} from "../limits.ts";
import type { Runtime } from "../runtime.ts";
import type { OpenSocket } from "./open-socket.ts";

export type LinkAddress = {
  readonly url: string;
  readonly token: string | null;
  readonly headers: { readonly [name: string]: string };
  readonly openSocket: OpenSocket;
};

export type LinkEvents = {
  readonly onMessage: (said: ClientHears, body: Uint8Array) => void;
  /** Called once, last. `isStanding`: whether the server had spoken. */
  readonly onEnd: (end: { readonly code: number; readonly reason: string }) => void;
};

export type Link = {
  /** Travels at the end of this turn. After the end it is dropped. */
  send(header: MessageHeader, body?: Uint8Array): void;
  /** Says what was sent so far, then closes. */
  close(code: number, reason: string): void;
};

/** May throw what the runtime says of an address or of headers that it cannot use. */
export function openLink(runtime: Runtime, address: LinkAddress, events: LinkEvents): Link {
  const protocols = [clientProtocol];
  if (address.token !== null) protocols.push(tokenProtocolStart + toBase64Url(address.token));
  const socket = address.openSocket(address.url, protocols, address.headers);
  socket.binaryType = "arraybuffer";
  let state: "connecting" | "open" | "closing" | "over" = "connecting";
  let messages: Uint8Array[] = [];
  let lastHeardMs = runtime.monotonicMs();
  let isAsked = false;
  let cancelWatch = () => {};

  const end = (code: number, reason: string) => {
    if (state === "over") return;
    state = "over";
    messages = [];
    cancelWatch();
    events.onEnd({ code, reason });
  };
  const drop = (reason: string) => {
    end(1006, reason);
    socket.close();
  };
  const flush = () => {
    if (state !== "open" && state !== "closing") return;
    const frames = packFrames(messages);
    messages = [];
    for (const frame of frames) socket.send(frame);
  };
  const watchOver = () => {
    const quietMs = runtime.monotonicMs() - lastHeardMs;
    if (state === "connecting" && quietMs >= clientConnectMsMax) return drop("no answer");
    if (quietMs >= clientSilentMsMax) return drop("nothing was heard");
    if (state === "open" && quietMs >= clientQuietMs && !isAsked) {
      isAsked = true;
      link.send({ op: "beat" });
    }
    cancelWatch = runtime.after(clientQuietMs / 2, watchOver);
  };
  cancelWatch = runtime.after(clientQuietMs / 2, watchOver);

  const hear = (data: unknown) => {
    lastHeardMs = runtime.monotonicMs();
    isAsked = false;
    try {
      if (!(data instanceof ArrayBuffer)) throw new GridError("malformed", "A text frame came.");
      for (const { header, body } of decodeFrame(new Uint8Array(data))) {
        const said = parseToldMessage(header);
        if (said !== "unknown-op" && state !== "over") events.onMessage(said, body);
      }
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      link.close(4400, "malformed");
      end(4400, error.message);
    }
  };
  socket.addEventListener("open", () => {
    if (state !== "connecting") return;
    if (socket.protocol === clientProtocol) state = "open";
    else drop("the answer does not name the subprotocol");
  });
  socket.addEventListener("message", ({ data }) => hear(data));
  socket.addEventListener("close", ({ code, reason }) => end(code, reason));

  const link: Link = {
    send(header, body) {
      if (state !== "open") return;
      if (messages.length === 0) runtime.soon(flush);
      messages.push(encodeMessage(header, body));
    },
    close(code, reason) {
      if (state === "connecting") return drop(reason);
      if (state !== "open") return;
      flush();
      state = "closing";
      socket.close(code, reason);
      cancelWatch();
      cancelWatch = runtime.after(clientCloseMsMax, () => end(1006, "the close was not answered"));
    },
  };
  return link;
}

/** As many messages in each frame as fit; none is larger than a frame. */
function packFrames(messages: readonly Uint8Array[]): readonly Uint8Array<ArrayBuffer>[] {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let start = 0;
  let bytes = 0;
  for (const [index, { length }] of messages.entries()) {
    const isFull = bytes + length > frameBytesMax || index - start === frameMessageCountMax;
    if (isFull) {
      frames.push(joinBytes(messages.slice(start, index)));
      start = index;
      bytes = 0;
    }
    bytes += length;
  }
  if (start < messages.length) frames.push(joinBytes(messages.slice(start)));
  return frames;
}

/** Subprotocols are made of few characters; tokens may hold others. */
function toBase64Url(text: string): string {
  const base64 = toBase64(new TextEncoder().encode(text));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
