// How a server is: its jobs, its workers, its pace and its disk.

import type { WireStats } from "../../client/index.ts";
import { statuses } from "../../domain/job.ts";
import { useServer, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { rateText } from "../jobs/words.ts";
import { printJson, writeLines } from "../output.ts";
import { toFacts } from "../table.ts";

export async function serverInfo(flags: ServerFlags, isJson: boolean): Promise<void> {
  await useServer(flags, async ({ client, address, signal }) => {
    const stats = await client.stats({ signal });
    if (isJson) printJson({ url: address.url, ...stats });
    else await writeLines(toFacts(factsOf(address.url, stats)));
    return exitCode.ok;
  });
}

function factsOf(url: string, stats: WireStats): readonly (readonly [string, string | null])[] {
  const { workers, disk } = stats;
  const total = stats.jobs.reduce((sum, { count }) => sum + count, 0);
  return [
    ["server", url],
    ["version", stats.version],
    ["takes jobs", stats.accepting ? "yes" : "no"],
    ["jobs", String(total)],
    ...statuses.map((status) => [`  ${status}`, jobsText(stats, status)] as const),
    ["workers", `${workers.connected}, ${workers.busy} of ${workers.slots} slots busy`],
    ["rate", rateText(stats.done_rate) || null],
    ["durability", stats.durability],
    ["starts", String(stats.incarnation)],
    ["repairs", stats.repairs === 0 ? null : String(stats.repairs)],
    ["disk", disk === null ? null : diskText(disk)],
  ];
}

/** `12 (render 10, encode 2)`, or null for none. */
function jobsText({ jobs }: WireStats, status: string): string | null {
  const own = jobs.filter((one) => one.status === status && one.count > 0);
  const total = own.reduce((sum, { count }) => sum + count, 0);
  const named = own.flatMap(({ type, count }) => (type === null ? [] : [`${type} ${count}`]));
  return total === 0 ? null : `${total}${named.length === 0 ? "" : ` (${named.join(", ")})`}`;
}

function diskText({ level, free_bytes: free, size_bytes: size }: NonNullable<WireStats["disk"]>) {
  const note = level === "low" ? "; too little to take jobs" : "";
  return `${gibibytes(free)} of ${gibibytes(size)} GiB free${note}`;
}

function gibibytes(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}
