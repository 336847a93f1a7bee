// Takes the cells of the matrix one by one, several lanes at a time on one server, and judges each: done with the right
// bytes, completed once, run as often as the rules allow, charged to nobody, and nothing left behind.

import { openChaosProxy } from "../../support/chaos-proxy.ts";
import { executionsMax, jobOf, mayBeLost, nameOf, trapOf, type Cell } from "./cells.ts";
import { openGrid, until, type Grid, type GridAgent, type History } from "./grid.ts";

export type MatrixSpec = {
  readonly binary: string;
  /** Of the agents; the server's if left out. */
  readonly agentBinary?: string;
  readonly cells: readonly Cell[];
  readonly laneCount: number;
  /** From the server's start to the first cell: nobody is given up in its first two minutes. */
  readonly warmUpMs?: number;
  /** How long after the cable is whole again a job may take to settle. */
  readonly settleMsMax: number;
  readonly note?: (line: string) => void;
};

export type MatrixFigures = {
  readonly cells: number;
  /** Commands that were run; those beyond the first of each job, which the rules allow. */
  readonly executions: number;
  readonly executedAgain: number;
  /** Attempts that were given up, or that did not arrive, and connections that were made. */
  readonly lost: number;
  readonly notDelivered: number;
  readonly connections: number;
  readonly slowestSettleMs: number;
};

export type Ran = { readonly problems: readonly string[]; readonly figures: MatrixFigures };

export async function runMatrix(spec: MatrixSpec): Promise<Ran> {
  const { binary, cells, laneCount, note = () => {} } = spec;
  const types = cells.map((_, index) => `cell-${index}`);
  await using grid = await openGrid({ binary, types });
  await grid.startServer();
  await Bun.sleep(spec.warmUpMs ?? 0);
  const waiting = cells.map((cell, index) => ({ cell, type: `cell-${index}` }));
  const ended: CellEnd[] = [];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { cell, type } = next;
      const end = await runCell(grid, spec, { cell, type }).catch((error: unknown) =>
        broken(error),
      );
      ended.push(end);
      note(`${nameOf(cell)} settled after ${Math.round(end.settleMs)} ms`);
      for (const problem of end.problems) note(`${nameOf(cell)}: ${problem}`);
      ended[ended.length - 1] = {
        ...end,
        problems: end.problems.map((problem) => `${nameOf(cell)}: ${problem}`),
      };
    }
  };
  await Promise.all(Array.from({ length: Math.min(laneCount, cells.length) }, lane));
  const sum = (count: (end: CellEnd) => number) =>
    ended.reduce((total, end) => total + count(end), 0);
  return {
    problems: [...ended.flatMap(({ problems }) => problems), ...grid.alarms()],
    figures: {
      cells: ended.length,
      executions: sum(({ executions }) => executions),
      executedAgain: sum(({ executions }) => Math.max(executions - 1, 0)),
      lost: sum(({ lost }) => lost),
      notDelivered: sum(({ notDelivered }) => notDelivered),
      connections: sum(({ connections }) => connections),
      slowestSettleMs: Math.round(Math.max(...ended.map(({ settleMs }) => settleMs))),
    },
  };
}

type CellEnd = {
  readonly problems: readonly string[];
  readonly executions: number;
  readonly lost: number;
  readonly notDelivered: number;
  readonly connections: number;
  readonly settleMs: number;
};

function broken(error: unknown): CellEnd {
  const why = error instanceof Error ? error.message : String(error);
  const none = { executions: 0, lost: 0, notDelivered: 0, connections: 0, settleMs: 0 };
  return { problems: [`could not be tried: ${why}`], ...none };
}

type Placed = { readonly cell: Cell; readonly type: string };

async function runCell(grid: Grid, spec: MatrixSpec, { cell, type }: Placed): Promise<CellEnd> {
  await using proxy = await openChaosProxy(grid.port);
  const job = jobOf(cell);
  const { toxic, ms, phase } = cell;
  const of = { type, ...(spec.agentBinary !== undefined && { binary: spec.agentBinary }) };
  await using agent = ending(await grid.startAgent({ ...of, port: proxy.port }));
  await agent.until(/link\.welcomed/);
  const key = `job-of-${type}`;
  const trap = trapOf(cell);
  let healed: Promise<void>;
  if (trap !== null) {
    const armed = proxy.trap(trap, toxic, ms);
    await grid.submit(type, key, job);
    await within(armed.sprung, 30_000, "its place on the cable was reached");
    healed = armed.healed;
  } else {
    if (phase !== "idle") {
      await grid.submit(type, key, job);
      await grid.executed((one) => one === key, 1);
    }
    healed = proxy.poison(toxic, ms);
    if (phase === "idle") await grid.submit(type, key, job);
  }
  await using standIn = cell.hasStandIn ? ending(await grid.startAgent(of)) : null;
  await healed;
  const healedAt = performance.now();
  const status = await grid.settled(key, job.napMs + spec.settleMsMax);
  const settleMs = performance.now() - healedAt;
  const problems: string[] = [];
  for (const each of [agent, standIn]) {
    if (each === null) continue;
    const told = async () => (await each.spool()).length === 0;
    await until(told, "the spool is empty", spec.settleMsMax).catch(async () => {
      problems.push(`left in its spool: ${(await each.spool()).join(", ")}`);
    });
    if (each.process.exitCode !== null)
      problems.push(`the agent ended: ${each.said().slice(-300)}`);
  }
  const history = await grid.history(key);
  const executions = grid.executions().filter((one) => one.key === key).length;
  problems.push(...judge(cell, { status, history, executions }));
  if (status === "done" && !(await grid.isResultRight(key, job))) problems.push("a wrong result");
  const outcomes = (outcome: string) =>
    history.attempts.filter((attempt) => attempt.outcome === outcome).length;
  return {
    problems,
    executions,
    lost: outcomes("lost"),
    notDelivered: outcomes("not_delivered"),
    connections: proxy.connectionCount(),
    settleMs,
  };
}

type Seen = {
  readonly status: string;
  readonly history: History;
  readonly executions: number;
};

function judge(cell: Cell, { status, history, executions }: Seen): readonly string[] {
  const problems: string[] = [];
  const count = (change: string) =>
    history.events.filter((event) => event.change === change).length;
  if (status !== "done") problems.push(`is ${status}, not done: ${coursesOf(history)}`);
  if (status === "done" && count("completed") !== 1) {
    problems.push(`completed ${count("completed")} times`);
  }
  const max = executionsMax(cell);
  if (executions < 1 || executions > max) {
    problems.push(`executed ${executions} times, at most ${max}: ${coursesOf(history)}`);
  }
  const charged = count("lost") + count("failed") + count("timed_out");
  if (charged > 0 && !mayBeLost(cell)) problems.push(`given up: ${coursesOf(history)}`);
  return problems;
}

function coursesOf({ events }: History): string {
  return events.map(({ change, attempt }) => `${change} ${attempt ?? ""}`.trim()).join(", ");
}

function ending(agent: GridAgent): GridAgent & AsyncDisposable {
  return { ...agent, [Symbol.asyncDispose]: () => agent.kill() };
}

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited in vain until ${what}.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}
