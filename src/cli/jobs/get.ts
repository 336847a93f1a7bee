// Results as files, each named by its job's key. A file that is there already with the same bytes is left alone, so
// that a command that was cut short can be given again; with other bytes it is replaced only when that is asked for.

import { join } from "node:path";

import type { Download, WireJob } from "../../client/index.ts";
import { errorCodeOf } from "../../platform/durable-files.ts";
import { factsOf } from "../../platform/file-system.ts";
import { isTerminal } from "../../platform/terminal.ts";
import { makeFolder, sha256OfFile, writeUserFile } from "../../platform/user-files.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { findJobs } from "../find-jobs.ts";
import { lastSubmission } from "../last-submission.ts";
import { printNotice, writeLines } from "../output.ts";
import { toSafeJson, toSafeLine } from "../safe-text.ts";
import { parseSelectors, type Selector } from "../selectors.ts";
import { createTrouble, UsageMistake, type Trouble } from "../trouble.ts";
import { openResultOf } from "./cat.ts";
import { writeStream } from "./logs.ts";
import { resultFileName } from "./result-file.ts";
import { countText } from "./words.ts";

export type GetOptions = {
  readonly selectors: readonly string[];
  readonly folder: string;
  /** A tar file of a group instead; `-` for standard output. */
  readonly tar: string | null;
  readonly isWaiting: boolean;
  readonly isEndOfChain: boolean;
  readonly isForced: boolean;
  readonly isJson: boolean;
};

export async function get(flags: ServerFlags, options: GetOptions): Promise<void> {
  await useServer(flags, async (grid) => {
    const selectors = parseSelectors(options.selectors);
    if (options.tar !== null) return getTar(grid, selectors, options.tar, options.isForced);
    const trouble = createTrouble();
    await makeFolder(options.folder).catch((error: unknown) => cannotWrite(options.folder, error));
    const counts = { written: 0, same: 0 };
    for await (const job of findJobs(grid, selectors, { trouble })) {
      const outcome = await getOne(job, grid, options, trouble);
      if (outcome !== null) counts[outcome] += 1;
    }
    const same = counts.same === 0 ? "" : `, ${counts.same} were there already`;
    printNotice(`${countText(counts.written, "result")} written${same}.`);
    return trouble.code();
  });
}

async function getOne(
  job: WireJob,
  grid: Grid,
  options: GetOptions,
  trouble: Trouble,
): Promise<"written" | "same" | null> {
  const path = join(options.folder, resultFileName(job));
  const result = await openResultOf(job, grid, trouble, options);
  if (result === null) return null;
  const standing = await factsOf(path);
  if (standing !== null) {
    if (standing.kind === "file" && (await isSame(path, standing.size, result))) {
      await result.stream.cancel();
      await tell(job, path, result, options.isJson);
      return "same";
    }
    if (!options.isForced || standing.kind !== "file") {
      await result.stream.cancel();
      trouble.add(
        `${toSafeLine(path)} is there already with other bytes. Replace it with --force, or name another folder with -o.`,
        exitCode.usage,
      );
      return null;
    }
  }
  await writeUserFile(path, result.stream as unknown as AsyncIterable<Uint8Array>).catch((error) =>
    cannotWrite(path, error),
  );
  await tell(job, path, result, options.isJson);
  return "written";
}

async function isSame(path: string, size: number, { sha256, ...result }: Download) {
  if (result.size !== null && result.size !== size) return false;
  return (await sha256OfFile(path)) === sha256;
}

/** The path of each file is the result of the command. */
async function tell(job: WireJob, file: string, result: Download, isJson: boolean): Promise<void> {
  const { seq, id, key } = job;
  const { sha256, size } = result;
  await writeLines([isJson ? toSafeJson({ seq, id, key, file, size, sha256 }) : toSafeLine(file)]);
}

async function getTar(
  grid: Grid,
  selectors: readonly Selector[],
  target: string,
  isForced: boolean,
): Promise<number> {
  const group = groupOf(grid, selectors);
  if (target === "-" && isTerminal("stdout")) {
    throw new UsageMistake("A tar file is nothing for a terminal. Send it to a file or a program.");
  }
  if (target !== "-" && !isForced && (await factsOf(target)) !== null) {
    throw new UsageMistake(`${target} is there already. Replace it with --force.`);
  }
  const stream = await grid.client.groups.results(group, { signal: grid.signal });
  if (target === "-") await writeStream(stream, true);
  else {
    const pieces = stream as unknown as AsyncIterable<Uint8Array>; // Which streams of Bun are.
    await writeUserFile(target, pieces).catch((error) => cannotWrite(target, error));
    await writeLines([toSafeLine(target)]);
  }
  return exitCode.ok;
}

function groupOf({ address }: Grid, selectors: readonly Selector[]): string {
  const [selector, ...others] = selectors;
  if (others.length === 0 && selector?.kind === "last") {
    const group = lastSubmission(address.url)?.group ?? null;
    if (group !== null) return group;
  }
  const group = selector?.kind === "filter" ? selector.filter.group : undefined;
  if (others.length === 0 && group !== undefined) return group;
  throw new UsageMistake("--tar takes the results of one group: name it like group:film.");
}

function cannotWrite(path: string, error: unknown): never {
  const code = errorCodeOf(error);
  if (code === null || !/^E[A-Z]+$/.test(code)) throw error;
  throw new UsageMistake(
    `${path} cannot be written (${code}). Name a folder with room that this user may write to.`,
  );
}
