// One WebSocket to the server, from the upgrade to its end. Gathers what is said in one turn of the event loop into
// few frames, holds back what the socket cannot take, and notices a silent cable by itself. Tells what came, and
// once how it ended. Knows no conversation.

import { GridError } from "../../domain/errors.ts";
import {
  connectMsMax,
  linkBufferedBytesMax,
  linkLookMs,
  linkQueuedBytesMax,
  quietLinkMs,
} from "../../domain/limits-worker.ts";
import { frameBytesMax, suspectMs } from "../../domain/limits.ts";
import type { Clock, Timer } from "../../platform/clock.ts";
import type { AtEndOfTurn } from "../../platform/turn.ts";
import {
  decodeFrame,
  encodeMessage,
  type Message,
  type MessageHeader,
} from "../../protocol/frame.ts";
import { workerProtocol } from "../../protocol/worker-messages.ts";
import { packFrames } from "./pack-frames.ts";

export type LinkEnd =
  | { readonly kind: "closed"; readonly code: number; readonly reason: string }
  /** It never stood. `status`: what the upgrade was answered with, if it was. */
  | { readonly kind: "unreachable"; readonly status: number | null; readonly why: string }
  /** The upgrade was answered without our subprotocol. */
  | { readonly kind: "stranger" };

export type LinkOptions = {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  /** What the runtime's TLS takes, or null. */
  readonly tls: object | null;
  readonly onOpen: () => void;
  readonly onMessages: (messages: readonly Message[]) => void;
  readonly onMalformed: (why: string) => void;
  /** Called once, last. */
  readonly onEnd: (end: LinkEnd) => void;
};

export type Link = {
  /** Travels at the end of this turn, or when the socket has room. After the end it is dropped. */
  send(header: MessageHeader, body: Uint8Array): void;
  /** True while the socket is behind: what is not needed had better wait. */
  isBehind(): boolean;
  /** Says what was sent so far, then closes. */
  close(code: number, reason: string): void;
};

export type LinkDeps = { readonly clock: Clock; readonly atEndOfTurn: AtEndOfTurn };

export function openLink({ clock, atEndOfTurn }: LinkDeps, options: LinkOptions): Link {
  const socket = new WebSocket(options.url, {
    protocols: [workerProtocol],
    headers: options.headers,
    perMessageDeflate: false,
    ...(options.tls !== null && { tls: options.tls }),
  });
  socket.binaryType = "arraybuffer";
  let state: "connecting" | "open" | "closing" | "over" = "connecting";
  let messages: Uint8Array[] = [];
  let frames: Uint8Array[] = [];
  let queuedBytes = 0; // Of both.
  let isArmed = false;
  let lastHeardMs = clock.monotonicMs();
  let failure = "";
  let look: Timer | null = null;
  let watch: Timer;

  const end = (how: LinkEnd) => {
    if (state === "over") return;
    state = "over";
    messages = [];
    frames = [];
    watch.cancel();
    look?.cancel();
    options.onEnd(how);
  };
  const drop = (why: string) => {
    end({ kind: "closed", code: 1006, reason: why });
    socket.terminate();
  };
  const isFull = () => socket.bufferedAmount > linkBufferedBytesMax;
  const flush = () => {
    isArmed = false;
    frames.push(...packFrames(messages));
    messages = [];
    while (frames.length > 0 && (state === "closing" || !isFull())) {
      const frame = frames.shift()!;
      queuedBytes -= frame.length;
      socket.send(frame);
    }
    if (frames.length === 0) return;
    isArmed = true;
    look = clock.after(linkLookMs, flush); // The runtime does not tell when there is room again.
  };
  const beWatchful = () => {
    const quietMs = clock.monotonicMs() - lastHeardMs;
    if (state === "connecting" && quietMs >= connectMsMax) {
      end({ kind: "unreachable", status: null, why: "no answer" });
      return socket.terminate();
    }
    if (quietMs >= suspectMs) return drop("nothing was heard");
    if (state === "open" && quietMs >= quietLinkMs) socket.ping();
    watch = clock.after(quietLinkMs / 2, beWatchful);
  };
  watch = clock.after(quietLinkMs / 2, beWatchful);
  const heard = () => {
    lastHeardMs = clock.monotonicMs();
  };

  socket.addEventListener("open", () => {
    if (state !== "connecting") return;
    heard();
    if (socket.protocol !== workerProtocol) {
      end({ kind: "stranger" });
      return socket.close(1002, "no subprotocol");
    }
    state = "open";
    options.onOpen();
  });
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
    heard();
    if (state !== "open") return;
    const read = readFrame(data);
    if (typeof read === "string") options.onMalformed(read);
    else options.onMessages(read);
  });
  socket.addEventListener("ping", heard);
  socket.addEventListener("pong", heard);
  socket.addEventListener("error", ({ message }) => {
    failure = message;
  });
  socket.addEventListener("close", ({ code, reason }) => {
    if (state !== "connecting") end({ kind: "closed", code, reason });
    else end(whyUnreachable(failure));
  });

  return {
    send(header, body) {
      if (state !== "open") return;
      const message = encodeMessage(header, body);
      messages.push(message);
      queuedBytes += message.length;
      if (queuedBytes > linkQueuedBytesMax) return drop("the server takes nothing");
      if (isArmed) return;
      isArmed = true;
      atEndOfTurn(() => state === "open" && flush());
    },
    isBehind: () => queuedBytes > frameBytesMax || isFull(),
    close(code, reason) {
      if (state === "connecting") {
        end({ kind: "closed", code, reason });
        return socket.terminate();
      }
      if (state !== "open") return;
      state = "closing";
      look?.cancel();
      flush();
      socket.close(code, reason);
      // A server that does not answer a close must not keep the worker.
      watch.cancel();
      watch = clock.after(closeMsMax, () => drop("the close was not answered"));
    },
  };
}

/** The words for a close are a round trip and a turn on either side. */
const closeMsMax = 3_000;

function readFrame(data: string | ArrayBuffer): readonly Message[] | string {
  if (typeof data === "string") return "a text frame";
  try {
    return decodeFrame(new Uint8Array(data));
  } catch (error) {
    if (error instanceof GridError) return error.message;
    throw error;
  }
}

/** The runtime tells of a refused upgrade in words alone; tests hold them. */
function whyUnreachable(failure: string): LinkEnd {
  const words = failure.replace(/^WebSocket connection to '.*' failed: /, "");
  if (/client protocol/.test(words)) return { kind: "stranger" };
  const [, status] = /Expected 101 status code: ([0-9]{3})/.exec(words) ?? [];
  if (status === undefined) return { kind: "unreachable", status: null, why: words || "no answer" };
  return { kind: "unreachable", status: Number(status), why: `the answer was ${status}` };
}
