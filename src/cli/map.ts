// Runs a command for each of many arguments: on the grid that the user has, or on one of its own for the time it needs.
// docs/decisions/0012-files-of-map.md says where commands run and how files come and go.

import { createClient, ClientError, type Client } from "../client/index.ts";
import { GridError } from "../domain/errors.ts";
import { mapAheadCountMax, mapRefillCount } from "./map/limits.ts";
import { createSystemClock } from "../platform/clock.ts";
import { giveUpStandardInput } from "../platform/input-bytes.ts";
import { currentFolder, environment, exitAfterOutput } from "../platform/program.ts";
import { createSystemRandom } from "../platform/random.ts";
import { onStopSignal } from "../platform/signals.ts";
import { ReaderGone, writeOut } from "../platform/terminal.ts";
import { useServer, type ServerFlags } from "./connect.ts";
import { exitCode } from "./exit-code.ts";
import { rememberSubmission } from "./last-submission.ts";
import { jobCountOf } from "./map/job-count.ts";
import { openJoblog } from "./map/open-joblog.ts";
import { toJoblogLine } from "./map/joblog.ts";
import type { MapOptions } from "./map/options.ts";
import { planJobs, shownCommand, type Plan, type PlannedJob } from "./map/planned-jobs.ts";
import { printResult } from "./map/print-result.ts";
import { readMapOptions, type MapValues } from "./map/read-options.ts";
import { createProgressLine } from "./map/progress-line.ts";
import { runMap } from "./map/run-map.ts";
import { createShippedFiles } from "./map/shipped-files.ts";
import { fillInPlain } from "./map/template.ts";
import { createToJob, type ToJobDeps } from "./map/to-job.ts";
import { createTurns } from "./map/turns.ts";
import { isNoServerMeant } from "./map/which-grid.ts";
import { printNotice } from "./output.ts";
import { toSafeText } from "./safe-text.ts";
import { codeOfError, UsageMistake } from "./trouble.ts";

export async function map(
  words: readonly string[],
  flags: ServerFlags & MapValues & { readonly own?: true },
): Promise<void> {
  let options: MapOptions;
  try {
    options = readMapOptions(words, flags);
  } catch (error) {
    return exitAfterOutput(codeOf(error));
  }
  if (options.run.isDry) return exitAfterOutput(await told(() => printCommands(options)));
  if (flags.own === true || (await isNoServerMeant(flags))) {
    return exitAfterOutput(await told(() => mapOnOwnGrid(options)));
  }
  let code: number | null = null;
  await useServer(
    flags,
    async ({ client, address, signal }) => {
      code = await mistakeAsUsage(async () => {
        const { jobs } = options.run;
        const runningMax = jobs === null ? null : jobCountOf(jobs, null);
        const remember = (group: string) => rememberSubmission(address.url, { group });
        // The socket of this client would trust any authority.
        const usesSocket = address.pin === undefined;
        return mapOn({
          client,
          signal,
          options,
          place: "sent",
          runningMax,
          remember,
          usesSocket,
        });
      });
      return code;
    },
    { interruptedNotice: () => "Interrupted: the jobs of this map are cancelled." },
  );
  if (code !== null) exitAfterOutput(code);
}

async function printCommands(options: MapOptions): Promise<number> {
  const { jobs } = await planJobs(options);
  for await (const job of jobs) await writeOut(`${shownCommand(job)}\n`);
  return exitCode.ok;
}

async function mapOnOwnGrid(options: MapOptions): Promise<number> {
  const { processorCount } = await import("../platform/own-machine.ts");
  const { startOwnGrid } = await import("../wiring/own-grid.ts");
  const runningMax = jobCountOf(options.run.jobs ?? "100%", processorCount());
  const stop = new AbortController();
  let signalCode: number | null = null;
  onStopSignal((name) => {
    signalCode = name === "SIGINT" ? exitCode.interrupted : exitCode.stopped;
    stop.abort(new Error("Interrupted."));
  });
  const grid = await startOwnGrid({
    slots: runningMax,
    environment: definedVariables(),
    // That it is connected is no news; that it is not explains why nothing happens.
    onNotice: (line) => void (line.startsWith("Connected") || printNotice(line)),
    onBroken: (error) => stop.abort(error),
  });
  try {
    const client = createClient(grid);
    const remember = () => Promise.resolve();
    const given = { client, signal: stop.signal, options, runningMax, remember };
    return await mapOn({ ...given, place: "here", usesSocket: true });
  } catch (error) {
    if (signalCode === null) throw error;
    printNotice("Interrupted: the jobs of this map are ended.");
    return signalCode;
  } finally {
    await grid.stop();
  }
}

type MapOn = {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly options: MapOptions;
  /** Where commands run and find their files. */
  readonly place: "here" | "sent";
  readonly runningMax: number | null;
  readonly remember: (group: string) => Promise<void>;
  readonly usesSocket: boolean;
};

async function mapOn(given: MapOn): Promise<number> {
  const { client, signal, options, place, runningMax } = given;
  const { run, show, log } = options;
  const clock = createSystemClock();
  const notice = onceEach();
  const group = `map-${createSystemRandom().bytes(6).toHex()}`;
  const joblog = await openJoblog(log);
  const plan = await planJobs(options);
  const line = createProgressLine(show.progress, clock);
  const tag = show.tag === null ? null : plan.template(show.tag);
  const folder = currentFolder();
  let isComplete = true;
  const onRefused = (sentence: string) => {
    isComplete = false;
    notice(sentence);
  };
  const print = { folder, onRefused, before: line.clear };
  // A job that was given out before the map is halted has run: then none is given out ahead of its time.
  const isStrict = run.halt !== null || run.delayMs > 0;
  try {
    await given.remember(group);
    const end = await runMap({
      client,
      group,
      signal,
      clock,
      planned: plan.jobs,
      isSettled: joblog.isSettled,
      aheadCountMax: isStrict && runningMax !== null ? runningMax : mapAheadCountMax,
      refillCount: isStrict ? 1 : mapRefillCount,
      delayMs: run.delayMs,
      tryCountMax: run.tryCountMax,
      halt: run.halt,
      turns: createTurns(show),
      pack: createToJob(await toJobDeps(given, plan, group, notice)),
      print: (job, result) => printResult(print, headingOf(job, tag, options), result),
      onStarted: line.update,
      onSettled(entry, progress) {
        joblog.file?.add(toJoblogLine(entry));
        line.update(progress);
      },
      notice,
      usesSocket: given.usesSocket,
      tellsStarts: place === "sent" || run.halt !== null || show.progress !== "none",
      hostOf: (worker) => (place === "here" ? ":" : (worker ?? "-")),
    });
    const isOk = isComplete && (end.failedCount === 0 || isSuccessWanted(options));
    return isOk ? exitCode.ok : exitCode.jobFailed;
  } finally {
    line.end();
    joblog.file?.close();
    giveUpStandardInput();
  }
}

/** --halt …,success=…: those that failed before are no failure of the whole. */
function isSuccessWanted({ run }: MapOptions): boolean {
  return run.halt?.why === "success";
}

function headingOf(
  job: PlannedJob,
  tag: ReturnType<Plan["template"]> | null,
  { show }: MapOptions,
) {
  return {
    tag: tag === null ? "" : `${fillInPlain(tag, job)}\t`,
    command: show.printsCommands ? shownCommand(job) : null,
  };
}

async function toJobDeps(
  { options, place, runningMax }: MapOn,
  plan: Plan,
  group: string,
  notice: (sentence: string) => void,
): Promise<ToJobDeps> {
  const { run, files, words } = options;
  const folder = currentFolder();
  const variables = environment();
  const env = files.env.flatMap((name) => {
    const value = variables[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const { template } = plan;
  const about = { group, timeoutMs: run.timeoutMs, env: Object.fromEntries(env) };
  if (place === "here") {
    return { ...about, groupRunningMax: null, place: { kind: "here", folder } };
  }
  const { command } = words;
  const sent = await createShippedFiles({ folder, options: files, command, template, notice });
  const { returned } = files;
  return {
    ...about,
    groupRunningMax: runningMax,
    place: { kind: "sent", files: sent, returned, template },
  };
}

function definedVariables(): { readonly [name: string]: string } {
  const own = Object.entries(environment()).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(own);
}

/** Tells the user of something, each sentence once. */
function onceEach(): (sentence: string) => void {
  const said = new Set<string>();
  return (sentence) => {
    if (said.has(sentence)) return;
    said.add(sentence);
    printNotice(`gridlike: ${toSafeText(sentence)}`);
  };
}

async function mistakeAsUsage(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof GridError ? new UsageMistake(error.message) : error;
  }
}

/** Tells what ended the map, and answers with its exit code. Throws on what is a bug of ours. */
async function told(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): number {
  if (error instanceof ReaderGone) return exitCode.ok;
  if (!(error instanceof ClientError) && !(error instanceof GridError)) throw error;
  printNotice(`gridlike: ${toSafeText(error.message)}`);
  return error instanceof ClientError ? codeOfError(error) : exitCode.usage;
}
