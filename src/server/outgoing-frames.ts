// Messages gathered into frames: what is said to a worker in one turn of the event loop leaves together, in as few
// frames as the protocol allows.

import { frameBytesMax, frameMessageCountMax } from "../domain/limits.ts";
import { joinBytes } from "../domain/join-bytes.ts";
import { encodeMessage, type MessageHeader } from "../protocol/frame.ts";

export type OutgoingFrames = {
  add(header: MessageHeader, body?: Uint8Array): void;
  /** All that was added, in order, and forgets it. */
  take(): readonly Uint8Array[];
};

export function createOutgoingFrames(): OutgoingFrames {
  let frames: Uint8Array[] = [];
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;

  const close = () => {
    const [only] = gathered;
    if (only === undefined) return;
    frames.push(gathered.length === 1 ? only : joinBytes(gathered));
    gathered = [];
    gatheredBytes = 0;
  };

  return {
    add(header, body) {
      const message = encodeMessage(header, body);
      const isFull =
        gatheredBytes + message.length > frameBytesMax || gathered.length === frameMessageCountMax;
      if (isFull) close();
      gathered.push(message);
      gatheredBytes += message.length;
    },
    take() {
      close();
      const all = frames;
      frames = [];
      return all;
    },
  };
}
