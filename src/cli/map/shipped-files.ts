// Which files of the caller travel with a job: arguments that name files, the script that the command itself names, and
// what was asked for. Paths stay relative to the caller's folder, so that the command finds them as it would here.

import { GridError } from "../../domain/errors.ts";
import { shippedFileCountMax } from "../../protocol/shipped-limits.ts";
import { mapCommandFileBytesMax } from "./limits.ts";
import { bytesOfFile, fileAt, filesBelow, type FoundFile } from "../../platform/job-folder.ts";
import { shippedPathProblem, type ShippedFile } from "../../protocol/shipped-command.ts";
import type { FileOptions } from "./options.ts";
import type { PlannedJob } from "./planned-jobs.ts";
import { fillInPlain, type Template } from "./template.ts";

export type ShippedFilesDeps = {
  /** The caller's folder. */
  readonly folder: string;
  readonly options: FileOptions;
  /** The words of the command. */
  readonly command: readonly string[];
  readonly template: (text: string) => Template;
  /** Tells the user of something, each sentence once. */
  readonly notice: (sentence: string) => void;
};

export type ShippedFiles = { of(job: PlannedJob): Promise<readonly ShippedFile[]> };

export async function createShippedFiles(deps: ShippedFilesDeps): Promise<ShippedFiles> {
  const { folder, options, template, notice } = deps;
  const forAll = new Map<string, ShippedFile>();
  for (const path of options.base)
    for (const file of await required(folder, path)) add(forAll, file);
  if (options.sendsArguments) for (const file of await namedByCommand(deps)) add(forAll, file);
  const asked = options.sent.map(template);
  return {
    async of(job) {
      const files = new Map(forAll);
      for (const one of asked) {
        for (const file of await required(folder, fillInPlain(one, job))) add(files, file);
      }
      if (options.sendsArguments) {
        for (const value of job.values) {
          const file = await argumentFile(folder, value, notice);
          if (file !== null) add(files, file);
        }
      }
      return [...files.values()];
    },
  };
}

function add(files: Map<string, ShippedFile>, file: ShippedFile): void {
  if (files.size >= shippedFileCountMax && !files.has(file.path)) {
    throw new GridError(
      "malformed",
      `More than ${shippedFileCountMax} files would travel with one job. Pack them into one.`,
    );
  }
  files.set(file.path, file);
}

/** Files, and all files of folders, that somebody asked to send. */
export async function requiredFiles(
  folder: string,
  paths: readonly string[],
): Promise<readonly ShippedFile[]> {
  const files = new Map<string, ShippedFile>();
  for (const path of paths) for (const file of await required(folder, path)) add(files, file);
  return [...files.values()];
}

/** The file that an argument names, or null. */
async function argumentFile(
  folder: string,
  value: string,
  notice: (sentence: string) => void,
): Promise<ShippedFile | null> {
  if (value === "" || value.includes("\0")) return null;
  const path = plainPath(value);
  if (shippedPathProblem(path) === null) {
    const found = await fileAt(folder, path);
    return found === null ? null : toShipped(folder, found);
  }
  const isOutside = value.startsWith("/") || value.startsWith("../");
  if (isOutside && (await fileAt(value.startsWith("/") ? "/" : folder, value)) !== null) {
    notice(
      "Arguments name files outside of this folder, which are not sent: a command finds them only where workers have them, too. Start map in a folder above them.",
    );
  }
  return null;
}

/** Words of the command that name small files below the folder, such as its script. */
async function namedByCommand({ folder, command, notice }: ShippedFilesDeps) {
  const words = command.flatMap((word) => word.split(/[\s'"=;|&<>()]+/));
  const files: ShippedFile[] = [];
  for (const word of new Set(words)) {
    const path = plainPath(word);
    if (word.includes("{") || shippedPathProblem(path) !== null) continue;
    const found = await fileAt(folder, path);
    if (found === null) continue;
    if (found.size <= mapCommandFileBytesMax) files.push(toShipped(folder, found));
    else
      notice(
        `${path} is large and does not travel by itself. Send it with --basefile ${path}, or keep it on the workers.`,
      );
  }
  return files;
}

/** A file, or all files of a folder, that somebody asked to send. */
async function required(folder: string, named: string): Promise<readonly ShippedFile[]> {
  const path = plainPath(named).replace(/\/+$/, "");
  const problem = shippedPathProblem(path);
  if (problem !== null) {
    throw new GridError(
      "malformed",
      `${problem} Files travel from the folder of the caller: start map in a folder above it.`,
    );
  }
  const found = await fileAt(folder, path);
  if (found !== null) return [toShipped(folder, found)];
  const files: ShippedFile[] = [];
  try {
    for await (const file of filesBelow(folder, () => true, path)) {
      files.push(toShipped(folder, file));
      if (files.length > shippedFileCountMax) break; // Refused when they are put together.
    }
    return files;
  } catch {
    throw new GridError(
      "malformed",
      `The file ${JSON.stringify(named)} does not exist, or cannot be read. It was to be sent to the workers.`,
    );
  }
}

function toShipped(folder: string, found: FoundFile): ShippedFile {
  const { path, size, isExecutable, modifiedAt } = found;
  return { path, size, isExecutable, modifiedAt, open: () => bytesOfFile(`${folder}/${path}`) };
}

function plainPath(path: string): string {
  return path.replace(/^(?:\.\/+)+/, "").replaceAll(/\/{2,}/g, "/");
}
