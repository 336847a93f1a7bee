// Messages gathered into frames: as many as fit, in order, each whole.

import { frameBytesMax, frameMessageCountMax } from "../../domain/limits.ts";
import { joinBytes } from "../../domain/join-bytes.ts";

/** `messages` are encoded; none is larger than a frame, because headers and bodies have bounds of their own. */
export function packFrames(messages: readonly Uint8Array[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    const [only] = gathered;
    if (only !== undefined) frames.push(gathered.length === 1 ? only : joinBytes(gathered));
    gathered = [];
    bytes = 0;
  };
  for (const message of messages) {
    const isFull =
      bytes + message.length > frameBytesMax || gathered.length === frameMessageCountMax;
    if (isFull) flush();
    gathered.push(message);
    bytes += message.length;
  }
  flush();
  return frames;
}
