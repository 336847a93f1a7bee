// A large payload through the agent: fetched, given to a command that copies it, uploaded as the result, read back. Both
// processes stay small, however large it is.

import { readFileSync } from "node:fs";
import { openGrid } from "./grid.ts";

export type LargeFigures = {
  readonly mib: number;
  readonly seconds: number;
  /** From the submission's end to the result: through the agent and back. */
  readonly mibPerSecond: number;
  readonly serverPeakMib: number;
  readonly agentPeakMib: number;
  /** Above what it had before. */
  readonly serverGrowthMib: number;
  readonly agentGrowthMib: number;
};

/** Peak of either process. */
const peakMibMax = 150;

export async function runLarge({
  binary,
  mib,
}: {
  readonly binary: string;
  readonly mib: number;
}): Promise<{ readonly problems: readonly string[]; readonly figures: LargeFigures }> {
  await using grid = await openGrid({ binary, types: ["copy"] });
  await grid.startServer();
  const agent = await grid.startAgent({ type: "copy", command: ["cat"] });
  await agent.until(/link\.welcomed/);
  const before = [peakMib(grid.serverPid()), peakMib(agent.process.pid)] as const;
  const sent = await grid.submitStream("copy", "large", pieces(mib));
  const startedAt = performance.now();
  const status = await grid.settled("large", 600_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const serverPeakMib = peakMib(grid.serverPid());
  const agentPeakMib = peakMib(agent.process.pid);
  const problems: string[] = [];
  if (status !== "done") problems.push(`is ${status}, not done`);
  else if ((await grid.resultSha256("large")) !== sent) problems.push("came back changed");
  for (const [who, peak] of [
    ["server", serverPeakMib],
    ["agent", agentPeakMib],
  ] as const) {
    if (peak > peakMibMax) problems.push(`the ${who} took ${Math.round(peak)} MiB`);
  }
  problems.push(...grid.alarms());
  const figures = {
    mib,
    seconds,
    mibPerSecond: mib / seconds,
    serverPeakMib,
    agentPeakMib,
    serverGrowthMib: serverPeakMib - before[0],
    agentGrowthMib: agentPeakMib - before[1],
  };
  return { problems, figures };
}

/** No two are equal. */
function* pieces(mib: number): Generator<Uint8Array> {
  const piece = crypto.getRandomValues(new Uint8Array(64 * 1024));
  for (let n = 0; n < mib * 16; n += 1) {
    const copy = piece.slice();
    new DataView(copy.buffer).setUint32(0, n);
    yield copy;
  }
}

function peakMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}
