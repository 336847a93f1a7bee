// Draws what `gridlike top` knows as lines of text. Pure: the same state and size give the same lines. Where the height
// is bounded, each part gets its share of it and says how much it does not show.

import { statuses } from "../../domain/job.ts";
import { countText, rateText, statusColours } from "../jobs/words.ts";
import { spanText } from "../time-text.ts";
import { plain, toText, type Line, type Paint, type Piece } from "./cells.ts";
import { busySlots, failureRows, groupRows, typeRows, workerRows } from "./parts.ts";
import { shareLines } from "./share-lines.ts";
import type { TopState } from "./state.ts";

export type TopSize = {
  readonly columns: number;
  /** Null where nothing bounds the height. */
  readonly rows: number | null;
};

/** At most as many lines as there are rows, none wider than the columns. */
export function renderTop(state: TopState, size: TopSize, paint: Paint): readonly string[] {
  const { columns, rows } = size;
  const head = [titleLine(state), jobsLine(state), gridLine(state)];
  const footer: readonly Line[] = rows === null ? [] : [[["q ends", "dim"]]];
  const room = rows === null ? null : rows - head.length - footer.length;
  const parts = [typeRows, groupRows, workerRows, failureRows]
    .map((part) => part(state, columns))
    .filter((lines) => lines.length > 1);
  const shares = shareLines(
    parts.map((lines) => lines.length + 1),
    room,
  );
  const body = parts.flatMap((lines, at) => shown(lines, shares[at]!)); // A share for each part.
  const empty: Line = [];
  const gap = Array.from({ length: Math.max(0, (room ?? 0) - body.length) }, () => empty);
  const lines = [...head, ...body, ...gap, ...footer];
  return lines.slice(0, rows ?? lines.length).map((line) => toText(line, columns, paint));
}

function titleLine({ url, stats, silentMs }: TopState): Line {
  const silent = silentMs === null ? "" : `  no answer for ${spanText(silentMs)}`;
  return [
    plain(`gridlike ${stats.version}  ${url}`),
    [silent, "red"],
    [stats.disk?.level === "low" ? "  the disk is low" : "", "red"],
    [stats.accepting ? "" : "  takes no jobs", "yellow"],
  ];
}

function jobsLine({ stats }: TopState): Line {
  const pieces = statuses.flatMap((status): readonly Piece[] => {
    const own = stats.jobs.filter((one) => one.status === status);
    const count = own.reduce((sum, one) => sum + one.count, 0);
    return count === 0 ? [] : [plain(", "), [`${count} ${status}`, statusColours[status]]];
  });
  return [["jobs  ", "dim"], ...(pieces.length === 0 ? [plain("none")] : pieces.slice(1))];
}

/** Of the slots that work, not of the jobs that wait in the workers' hands. */
function gridLine({ stats, workers }: TopState): Line {
  const { connected, slots } = stats.workers;
  const busy = workers.reduce((sum, worker) => sum + busySlots(worker), 0);
  const rate = rateText(stats.done_rate);
  const facts = [
    ...(rate === "" ? [] : [`${rate} done`]),
    connected === 0 ? "no worker" : countText(connected, "worker"),
    ...(slots === 0 ? [] : [`${busy} of ${countText(slots, "slot")} busy`]),
  ];
  return [["grid  ", "dim"], plain(facts.join(", "))];
}

/** A part with an empty line above it, in so many lines. */
function shown(lines: readonly Line[], share: number): readonly Line[] {
  if (share <= 1) return [];
  const isWhole = share > lines.length;
  if (isWhole) return [[], ...lines];
  const kept = lines.slice(0, share - 2);
  return [[], ...kept, [[`… ${lines.length - kept.length} more`, "dim"]]];
}
