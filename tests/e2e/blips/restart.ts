// The server is killed while agents run jobs, stays down for a while, and comes back on the same port and data. What
// ran goes on: nothing is run again, every result is accepted, nobody is charged.

import { openGrid, type JobSpec } from "./grid.ts";

export type RestartSpec = {
  readonly binary: string;
  readonly jobCount: number;
  readonly napMs: number;
  readonly agentCount: number;
  readonly slots: number;
  /** From when all jobs run to the kill. */
  readonly killAfterMs: number;
  readonly downMs: number;
  /** Of the results, in turn: some fit into a message, some do not. */
  readonly resultBytes: readonly number[];
  /** How long the jobs may take to settle once they could have ended. */
  readonly settleMsMax: number;
};

export type RestartFigures = {
  readonly jobs: number;
  readonly accepted: number;
  readonly executions: number;
  readonly charged: number;
  /** From the restart until the last job was settled. */
  readonly settledMs: number;
};

export async function runRestart(
  spec: RestartSpec,
): Promise<{ readonly problems: readonly string[]; readonly figures: RestartFigures }> {
  const { binary, jobCount, napMs, agentCount, slots, killAfterMs, downMs, resultBytes } = spec;
  await using grid = await openGrid({ binary, types: ["task"] });
  await grid.startServer();
  const agents = await Promise.all(
    Array.from({ length: agentCount }, () => grid.startAgent({ type: "task", slots })),
  );
  await Promise.all(agents.map((agent) => agent.until(/link\.welcomed/)));
  const jobs = Array.from({ length: jobCount }, (_, n) => {
    const job: JobSpec = {
      napMs,
      payloadBytes: 200,
      resultBytes: resultBytes[n % resultBytes.length] ?? 100,
    };
    return { key: `task-${n}`, job };
  });
  await Promise.all(jobs.map(({ key, job }) => grid.submit("task", key, job)));
  await grid.executed(() => true, jobCount);
  await Bun.sleep(killAfterMs);
  await grid.killServer();
  await Bun.sleep(downMs);
  await grid.startServer();
  const startedAt = performance.now();
  const deadline = startedAt + napMs + spec.settleMsMax;
  const problems: string[] = [];
  let [accepted, charged] = [0, 0];
  for (const { key, job } of jobs) {
    const status = await grid.settled(key, Math.max(deadline - performance.now(), 1));
    const { events } = await grid.history(key);
    const changes = events.map(({ change, attempt }) => `${change} ${attempt ?? ""}`.trim());
    if (changes.join(", ") !== "submitted, claimed 1, completed 1") {
      problems.push(`${key} is ${status}: ${changes.join(", ")}`);
    }
    if (status !== "done") continue;
    if (await grid.isResultRight(key, job)) accepted += 1;
    else problems.push(`${key} has a wrong result`);
    if (events.some(({ change }) => change === "lost" || change === "failed")) charged += 1;
  }
  const settledMs = Math.round(performance.now() - startedAt);
  const executions = grid.executions();
  const counts = Map.groupBy(executions, ({ key }) => key);
  for (const [key, runs] of counts) {
    if (runs.length > 1) problems.push(`${key} was executed ${runs.length} times`);
  }
  problems.push(...grid.alarms());
  return {
    problems,
    figures: { jobs: jobCount, accepted, executions: executions.length, charged, settledMs },
  };
}
