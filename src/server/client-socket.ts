// A socket of a client, from its side of the wire: whole frames in, gathered frames out. Whoever sends more than is
// answered, or does not read, is not heard for a while; whoever lets too much pile up is let go.

import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import {
  clientBacklogBytesMax,
  clientBehindBytes,
  slowCloseMsMax,
} from "../domain/limits-server.ts";
import { closeReasonBytesMax } from "../domain/limits.ts";
import { cutToBytes } from "../domain/cut-text.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { AtEndOfTurn } from "../platform/turn.ts";
import { decodeFrame, type MessageHeader } from "../protocol/frame.ts";
import { closeCodes } from "../protocol/worker-messages.ts";
import { createClientConversation } from "./client-conversation.ts";
import type { ClientIntake } from "./client-intake.ts";
import { toBye, toWelcome } from "./client-words.ts";
import { createOutgoingFrames } from "./outgoing-frames.ts";
import type { Socket, SocketOwner } from "./sockets.ts";

export type ClientOwnerDeps = {
  readonly broker: Pick<Broker, "openWatches" | "self">;
  readonly intake: ClientIntake;
  readonly atEndOfTurn: AtEndOfTurn;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
};

export function createClientOwner(deps: ClientOwnerDeps): SocketOwner {
  const { broker, intake, atEndOfTurn, clock, log } = deps;
  const outgoing = createOutgoingFrames();
  let socket: Socket | null = null;
  let isClosing = false;
  let isPaused = false;
  let gatheredBytes = 0;
  let buffered = 0;
  let roomWaiters: (() => void)[] = [];

  const hasRoom = () => isClosing || buffered + gatheredBytes < clientBehindBytes;
  const noteRoom = () => {
    buffered = socket?.getBufferedAmount() ?? 0;
    if (hasRoom() && roomWaiters.length > 0) {
      const waiters = roomWaiters;
      roomWaiters = [];
      for (const resolve of waiters) resolve();
    }
    hearOrNot();
  };
  const hearOrNot = () => {
    const isToPause = !hasRoom() || conversation.isFull();
    if (socket === null || isClosing || isToPause === isPaused) return;
    isPaused = isToPause;
    if (isPaused) socket.pause();
    else socket.resume();
  };
  const flush = () => {
    if (socket === null || isClosing) return;
    gatheredBytes = 0;
    for (const frame of outgoing.take()) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (socket.sendBinary(frame) === 0) return drop(socket); // It would be missed.
    }
    noteRoom();
    if (buffered > clientBacklogBytesMax) {
      close(closeCodes.tooSlow, "too much waits to be read");
      const slow = socket;
      clock.after(slowCloseMsMax, () => slow.terminate());
    }
  };
  const drop = (dead: Socket) => {
    end();
    dead.terminate();
  };
  const close = (code: number, reason: string) => {
    if (isClosing) return;
    end();
    socket?.close(code, reason);
  };
  const end = () => {
    isClosing = true;
    conversation.closed();
    noteRoom();
  };
  const say = (header: object, body?: Uint8Array) => {
    if (isClosing) return;
    if (gatheredBytes === 0) atEndOfTurn(flush);
    outgoing.add(header as MessageHeader, body); // What a server says is data of JSON all through.
    gatheredBytes += headerBytesAbout + (body?.length ?? 0);
  };
  const conversation = createClientConversation({
    broker,
    intake,
    log,
    say,
    hasRoom,
    untilRoom: () => (hasRoom() ? done : new Promise((resolve) => void roomWaiters.push(resolve))),
    onAnswered: () => isPaused && hearOrNot(),
  });

  return {
    opened(opened) {
      socket = opened;
      say(toWelcome(broker.self()));
    },
    message(message) {
      if (socket === null || isClosing) return;
      try {
        if (typeof message === "string") throw new GridError("malformed", "A text frame came.");
        for (const one of decodeFrame(message)) conversation.hear(one);
      } catch (error) {
        if (!(error instanceof GridError)) throw error;
        flush();
        close(closeCodes.malformed, cutToBytes(error.message, closeReasonBytesMax));
      }
      hearOrNot();
    },
    signOfLife() {},
    drained: noteRoom,
    stopping() {
      say(toBye());
      flush();
      end();
    },
    closed: end,
  };
}

const done = Promise.resolve();

/** A guess, for what is gathered within one turn. */
const headerBytesAbout = 256;
