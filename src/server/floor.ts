// Finds transfers that hardly move: a peer that sends or reads a byte now and then would hold its place for
// days. One timer judges them all, so that none costs a timer of its own.

import { transferFloorBytesPerSecond, transferFloorWindowMs } from "../domain/limits-server.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { MemoryPressure } from "../platform/memory-pressure.ts";

export type Floor = {
  /** Watches a transfer. `onTooSlow` is called at most once, never after `end`. */
  watch(onTooSlow: () => void): Transfer;
};

export type Transfer = { moved(byteCount: number): void; end(): void };

export function createFloor(clock: Clock, pressure: MemoryPressure): Floor {
  const transfers = new Set<{ bytesInWindow: number; readonly onTooSlow: () => void }>();
  let timer: Timer | null = null;

  const judge = () => {
    for (const transfer of transfers) {
      if (transfer.bytesInWindow < windowBytesMin) {
        transfers.delete(transfer);
        transfer.onTooSlow();
      }
      transfer.bytesInWindow = 0;
    }
    timer = null;
    judgeLater();
  };
  const judgeLater = () => {
    if (transfers.size > 0) timer ??= clock.after(transferFloorWindowMs, judge);
  };
  return {
    watch(onTooSlow) {
      // It passes the first judgement, which may come too soon to tell.
      const transfer = { bytesInWindow: windowBytesMin, onTooSlow };
      transfers.add(transfer);
      judgeLater();
      return {
        moved(byteCount) {
          transfer.bytesInWindow += byteCount;
          pressure.passed(byteCount);
        },
        end() {
          transfers.delete(transfer);
          if (transfers.size > 0) return;
          timer?.cancel();
          timer = null;
        },
      };
    },
  };
}

const windowBytesMin = (transferFloorBytesPerSecond * transferFloorWindowMs) / 1000;
