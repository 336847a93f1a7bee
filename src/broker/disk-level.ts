// Whether the disk has room for new jobs. Below the mark submissions are refused before their bytes are read, so that
// what is running can end; above it they are taken again. Looked at only when somebody asks, and seldom.

import { GridError } from "../domain/errors.ts";
import { diskLookMs, reserveBytes } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { DiskSpace } from "../platform/file-system.ts";
import type { Log } from "../platform/log.ts";

export type DiskState = DiskSpace & { readonly level: "normal" | "low" };

export type DiskWatch = {
  state(): Promise<DiskState>;
  /** Throws `disk-low` while there is no room for new jobs. */
  requireRoom(): Promise<void>;
};

/** Room kept back, to be given up when the database finds the disk full. */
export type Reserve = {
  /** `given-up`: what it freed is for results alone. */
  state(): "missing" | "kept" | "given-up";
  /** Makes it if it is not there. */
  make(): Promise<void>;
};

export type DiskWatchDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly look: () => Promise<DiskSpace>;
  readonly reserve: Reserve;
  /** Low is less than the greater of the two; zeros turn it off. */
  readonly lowBytes: number;
  readonly lowPercent: number;
};

/** So far above the mark, in parts of it, the disk must be to count as normal again: it would else flutter. */
const recovery = 1.05;

export function createDiskWatch(deps: DiskWatchDeps): DiskWatch {
  const { clock, log, reserve } = deps;
  let known: DiskState | null = null;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<DiskState> | null = null;

  const look = async (): Promise<DiskState> => {
    const space = await deps.look();
    const level = levelOf(deps, space, known?.level ?? "normal");
    const { freeBytes, sizeBytes } = space;
    if (level !== (known?.level ?? "normal")) {
      log.warn(`disk.${level}`, { free_bytes: freeBytes, size_bytes: sizeBytes });
    }
    if (reserve.state() !== "kept" && hasRoomForReserve(deps, space)) await makeReserve();
    return { ...space, level };
  };
  const makeReserve = async () => {
    try {
      await reserve.make();
    } catch (error) {
      log.error("disk.reserve_not_made", error);
    }
  };
  const state = async (): Promise<DiskState> => {
    if (known !== null && clock.monotonicMs() - lookedMs < diskLookMs) return known;
    looking ??= look().finally(() => {
      lookedMs = clock.monotonicMs();
      looking = null;
    });
    return (known = await looking);
  };

  return {
    state,
    async requireRoom() {
      const { level, freeBytes } = await state();
      if (level === "normal") return;
      throw new GridError(
        "disk-low",
        `The server's disk has only ${freeBytes} bytes left, so that it takes no new jobs for now. Free space on it; what is running goes on.`,
        { free_bytes: freeBytes },
      );
    },
  };
}

function levelOf(
  deps: DiskWatchDeps,
  space: DiskSpace,
  before: DiskState["level"],
): DiskState["level"] {
  const { freeBytes, sizeBytes } = space;
  if (sizeBytes === 0) return "normal"; // It does not say.
  if (deps.reserve.state() === "given-up" && !hasRoomForReserve(deps, space)) return "low";
  const mark = markOf(deps, space);
  return freeBytes < (before === "low" ? mark * recovery : mark) ? "low" : "normal";
}

function hasRoomForReserve(deps: DiskWatchDeps, space: DiskSpace): boolean {
  return space.freeBytes >= Math.max(markOf(deps, space), reserveBytes) + reserveBytes;
}

function markOf({ lowBytes, lowPercent }: DiskWatchDeps, { sizeBytes }: DiskSpace): number {
  return Math.max(lowBytes, (sizeBytes * lowPercent) / 100);
}
