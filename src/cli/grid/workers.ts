// Workers: who is connected, what is known of one, and what an operator does to them.

import { ClientError, type Client, type WireWorker } from "../../client/index.ts";
import { didYouMean } from "../../domain/nearest.ts";
import { createSystemClock } from "../../platform/clock.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { millisecondsOf } from "../jobs/words.ts";
import { printJson, printNotice, printResult, writeLines, type Colour } from "../output.ts";
import { toSafeJson, toSafeLine } from "../safe-text.ts";
import { toFacts, toTable, type Column } from "../table.ts";
import { ageText } from "../time-text.ts";
import { createTrouble } from "../trouble.ts";

export async function workerList(flags: ServerFlags, isJson: boolean): Promise<void> {
  await useServer(flags, async ({ client, signal }) => {
    const workers = await client.workers({ signal });
    if (isJson) printJson(workers);
    else if (workers.length > 0) await writeLines(toTable(columns(), workers));
    else printNotice("No worker is connected.");
    return exitCode.ok;
  });
}

export async function workerInfo(
  flags: ServerFlags,
  names: readonly string[],
  isJson: boolean,
): Promise<void> {
  let isFirst = true;
  await forEachWorker(flags, names, async (worker) => {
    const lines = isJson ? [toSafeJson(worker)] : toFacts(factsOf(worker));
    await writeLines(isFirst || isJson ? lines : ["", ...lines]);
    isFirst = false;
  });
}

export type WorkerVerb = "kick" | "drain" | "undrain";

export async function workerAct(
  flags: ServerFlags,
  verb: WorkerVerb,
  names: readonly string[],
  isJson: boolean,
): Promise<void> {
  await forEachWorker(flags, names, async ({ connection }, { client, signal }) => {
    const worker = await client[verb](connection, { signal });
    if (isJson) return printJson(worker);
    printResult(`${toSafeLine(worker.name)} ${pastTense[verb]}, now ${worker.state}`);
  });
}

const pastTense: Readonly<Record<WorkerVerb, string>> = {
  kick: "was disconnected",
  drain: "gets no new jobs",
  undrain: "gets jobs again",
};

/** A worker is named by its id, its connection or, where only one has it, its name. */
async function forEachWorker(
  flags: ServerFlags,
  names: readonly string[],
  work: (worker: WireWorker, grid: Grid) => Promise<void>,
): Promise<void> {
  await useServer(flags, async (grid) => {
    const trouble = createTrouble();
    for (const name of names) {
      try {
        await work(await findWorker(grid, name), grid);
      } catch (error) {
        trouble.addRefusal(error, "");
      }
    }
    return trouble.code();
  });
}

async function findWorker({ client, signal }: Grid, name: string): Promise<WireWorker> {
  const workers = await client.workers({ signal });
  const exact = workers.filter(({ id, connection }) => id === name || connection === name);
  const [worker, ...others] = exact.length > 0 ? exact : workers.filter((one) => one.name === name);
  if (worker !== undefined && others.length === 0) return worker;
  if (worker === undefined) return unknownWorker(client, name, workers, signal);
  const connections = [worker, ...others].map(({ connection }) => connection).join(", ");
  const sentence = `Several workers are called ${name}. Name one by its connection: ${connections}.`;
  throw new ClientError("malformed", sentence);
}

/** The server may know one that is not listed; else its refusal gets a remedy. */
async function unknownWorker(
  client: Client,
  name: string,
  workers: readonly WireWorker[],
  signal: AbortSignal,
): Promise<WireWorker> {
  try {
    return await client.worker(name, { signal });
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "no-such-worker") throw error;
    const near = didYouMean(
      name,
      workers.flatMap((worker) => [worker.name, worker.id]),
    );
    const { code, status, message } = error;
    throw new ClientError(code, `${message}${near} See gridlike worker list.`, { status });
  }
}

const colours: { readonly [state: string]: Colour } = {
  ready: "green",
  busy: "cyan",
  gone: "red",
};

function columns(): readonly Column<WireWorker>[] {
  const nowMs = createSystemClock().now();
  return [
    { name: "NAME", text: ({ name }) => name, columnsMax: 32 },
    { name: "ID", text: ({ id }) => id, columnsMax: 40 },
    { name: "STATE", text: ({ state }) => state, colour: ({ state }) => colours[state] ?? null },
    { name: "TYPE", text: ({ type }) => type ?? "", columnsMax: 24 },
    { name: "DONE", text: ({ done_count: count }) => String(count), isRight: true },
    { name: "FAILED", text: ({ failed_count: count }) => String(count), isRight: true },
    { name: "SINCE", text: ({ connected }) => ageText(nowMs - millisecondsOf(connected)) },
    { name: "PROTOCOL", text: ({ protocol }) => protocol },
    { name: "ADDRESS", text: ({ address }) => address, columnsMax: 45 },
    { name: "JOBS", text: ({ jobs }) => jobs.map(({ seq }) => seq).join(" ") },
  ];
}

function factsOf(worker: WireWorker): readonly (readonly [string, string | null])[] {
  const { jobs } = worker;
  return [
    ["worker", worker.name],
    ["id", worker.id],
    ["connection", worker.connection],
    ["state", worker.state],
    ["protocol", worker.protocol],
    ["type", worker.type],
    ["address", worker.address],
    ["connected", worker.connected],
    ["first seen", worker.first_seen],
    ["last seen", worker.last_seen],
    ["done", String(worker.done_count)],
    ["failed", String(worker.failed_count)],
    ["jobs", jobs.length === 0 ? null : jobs.map(({ seq }) => seq).join(" ")],
  ];
}
