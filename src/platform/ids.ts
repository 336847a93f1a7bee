// Identifiers: UUIDv7 (RFC 9562), whose text sorts by the time it was made.

import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

export type MakeId = () => string;

export function createIds(clock: Clock, random: Random): MakeId {
  return () => {
    const bytes = random.bytes(16);
    const view = new DataView(bytes.buffer);
    const at = clock.now();
    view.setUint32(0, Math.floor(at / 65_536));
    view.setUint16(4, at % 65_536);
    view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
    view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
    const hex = bytes.toHex();
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
