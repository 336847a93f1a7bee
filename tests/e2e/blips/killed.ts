// An agent is killed with SIGKILL at a chosen moment, and a successor starts on its state folder. What was complete in
// the spool is delivered without running the job again; what was not is run again, and one result stands.

import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { openChaosProxy, type Trap } from "../../support/chaos-proxy.ts";
import { openGrid, until, type Grid, type GridAgent, type JobSpec } from "./grid.ts";

const small = 40_000;
const large = 4 * 1024 * 1024;

const put = /^PUT .*\/result$/;
const whole = (resultBytes: number): JobSpec => ({ napMs: 0, payloadBytes: 100, resultBytes });

type Moment = {
  readonly job: JobSpec;
  /** Null: while the job runs. */
  readonly trap: Trap | null;
  readonly executions: number;
  /** What the disk loses in addition. */
  readonly isSpoolTorn?: true;
};

/** When the agent is killed. */
export const moments: { readonly [name: string]: Moment } = {
  "before a byte of a large result has left": {
    job: whole(large),
    trap: { request: put, direction: "up", afterBytes: 0 },
    executions: 1,
  },
  "at half of a large result": {
    job: whole(large),
    trap: { request: put, direction: "up", afterBytes: large / 2 },
    executions: 1,
  },
  "at 99 % of a large result": {
    job: whole(large),
    trap: { request: put, direction: "up", afterBytes: Math.floor(large * 0.99) },
    executions: 1,
  },
  "between the commit of a large result and its receipt": {
    job: whole(large),
    trap: { request: put, direction: "down", before: "HTTP/1.1 200" },
    executions: 1,
  },
  "between the commit of a small result and its receipt": {
    job: whole(small),
    trap: { request: /^GET \/api\/worker/, direction: "down", before: '"op":"receipt"' },
    executions: 1,
  },
  "at half of a large result, of which the disk lost a part": {
    job: whole(large),
    trap: { request: put, direction: "up", afterBytes: large / 2 },
    executions: 2,
    isSpoolTorn: true,
  },
  "while the job runs": {
    job: { napMs: 1_500, payloadBytes: 100, resultBytes: small },
    trap: null,
    executions: 2,
  },
};

export async function runKilled(binary: string, moment: Moment): Promise<readonly string[]> {
  await using grid = await openGrid({ binary, types: ["task"] });
  await grid.startServer();
  await using proxy = await openChaosProxy(grid.port);
  const agent = await grid.startAgent({ type: "task", port: proxy.port });
  await agent.until(/link\.welcomed/);
  const { job, trap } = moment;
  if (trap === null) {
    await grid.submit("task", "job", job);
    await grid.executed(() => true, 1);
    await agent.kill();
  } else {
    const armed = proxy.trap(trap, "reset", 300);
    await grid.submit("task", "job", job);
    await armed.sprung;
    const isKept = async () => (await agent.spool()).some((name) => name.endsWith(".json"));
    await until(isKept, "the result is in the spool", 5_000);
    await agent.kill();
    await armed.healed;
  }
  if (moment.isSpoolTorn === true) await tearSpool(agent);
  const successor = await grid.startAgent({
    type: "task",
    port: proxy.port,
    stateFolder: agent.stateFolder,
  });
  const status = await grid.settled("job", 20_000);
  const isTold = async () => (await successor.spool()).every((name) => name.endsWith(".damaged"));
  await until(isTold, "the spool is empty");
  return [...(await judge(grid, moment, status)), ...grid.alarms()];
}

async function judge(grid: Grid, moment: Moment, status: string): Promise<readonly string[]> {
  const problems: string[] = [];
  const { events } = await grid.history("job");
  const course = events
    .map(({ change, attempt }) => `${change} ${attempt ?? ""}`.trim())
    .join(", ");
  const executions = grid.executions().length;
  if (executions !== moment.executions) {
    problems.push(`executed ${executions} times, not ${moment.executions}: ${course}`);
  }
  if (status !== "done" || events.filter(({ change }) => change === "completed").length !== 1) {
    problems.push(`is ${status}: ${course}`);
  }
  if (moment.executions === 1 && events.some(({ change }) => change === "lost")) {
    problems.push(`was given up: ${course}`);
  }
  if (!(await grid.isResultRight("job", moment.job))) problems.push("has a wrong result");
  return problems;
}

async function tearSpool(agent: GridAgent): Promise<void> {
  const [folder = ""] = [
    ...new Bun.Glob("*/spool").scanSync({ cwd: agent.stateFolder, onlyFiles: false }),
  ];
  const name = (await agent.spool()).find((one) => one.endsWith(".bytes"));
  if (name === undefined) throw new Error("There are no bytes in the spool.");
  await truncate(join(agent.stateFolder, folder, name), 1_000);
}
