// Examines the data directory of a stopped server without changing anything in it: whether it is whole, whether the
// database is sound and has every byte that it refers to. Holds the lock meanwhile.

import { join, resolve } from "node:path";
import { errorCodeOf, namesIn, removeIfThere } from "../platform/durable-files.ts";
import { factsOf, type PathFacts } from "../platform/file-system.ts";
import { StartError } from "../platform/start-error.ts";
import { holdLock } from "../store/sqlite/lock-file.ts";
import { databaseName, lockName, ownNames } from "./data-dir.ts";
import { backupCopyName } from "./back-up.ts";
import { examineBlobs, examineInline, type Looked } from "./examine-blobs.ts";
import { examineDatabase } from "./examine-database.ts";
import { createFindings, type Finding, type Findings } from "./findings.ts";
import { readHighWater, type HighWater } from "./high-water.ts";
import { heldByAnother } from "./holder.ts";
import { readIdentity, type Identity } from "./identity.ts";

export type Examination = {
  readonly path: string;
  readonly clusterId: string | null;
  readonly findings: readonly Finding[];
  /** Blobs and bytes that were looked at. */
  readonly looked: Looked;
};

export type ExamineOptions = {
  readonly path: string;
  /** Reads all bytes and holds them against their hashes. */
  readonly isDeep: boolean;
};

/** Throws StartError when the directory cannot be examined: there is none, or a server uses it. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const path = resolve(options.path);
  await requireDataDirectory(path);
  const lockFile = join(path, lockName);
  const hadLock = (await factsOf(lockFile)) !== null;
  const lock = await takeLock(path, lockFile);
  try {
    return await examineHeld({ ...options, path });
  } finally {
    lock.release();
    if (!hadLock) await removeIfThere(lockFile);
  }
}

async function takeLock(path: string, file: string) {
  const lock = await holdLock(file).catch((error: unknown) => {
    throw cannot(path, error);
  });
  if (lock === null) throw await heldByAnother(path);
  return lock;
}

async function examineHeld({ path, isDeep }: ExamineOptions): Promise<Examination> {
  const findings = createFindings();
  const identity = await identityOf(path, findings);
  const mark = await markOf(path, identity, findings);
  await examineNames(path, findings);
  const blobs = join(path, "blobs");
  const looked = await examineDatabase(
    { path, isDeep, identity, mark, findings },
    async (copy): Promise<Looked> => {
      const large = await examineBlobs({ copy, directory: blobs, isDeep, findings });
      return isDeep ? examineInline(copy, large, findings) : large;
    },
  );
  return {
    path,
    clusterId: identity?.clusterId ?? null,
    findings: findings.all(),
    looked: looked ?? { blobCount: 0, byteCount: 0 },
  };
}

async function requireDataDirectory(path: string): Promise<void> {
  const facts = await factsOf(path).catch((error: unknown) => {
    throw cannot(path, error);
  });
  if (facts === null) {
    throw new StartError(3, `There is no data directory ${path}. Name it with --data-dir.`);
  }
  const names = await namesIn(path).catch((error: unknown) => {
    throw cannot(path, error);
  });
  if (names.includes("IDENTITY") || names.includes(databaseName)) return;
  throw new StartError(
    3,
    `The directory ${path} is no data directory: it has neither IDENTITY nor ${databaseName}. Name another one with --data-dir.`,
  );
}

async function identityOf(path: string, findings: Findings): Promise<Identity | null> {
  try {
    const identity = await readIdentity(path);
    if (identity === null) findings.note("identity-missing", join(path, "IDENTITY"));
    return identity;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    findings.note("identity-damaged", error.message);
    return null;
  }
}

async function markOf(
  path: string,
  identity: Identity | null,
  findings: Findings,
): Promise<HighWater | null> {
  try {
    const mark = await readHighWater(path);
    const isDue = identity?.state === "in-use";
    if (mark === null && isDue) findings.note("mark-missing", join(path, "HIGH-WATER"));
    return mark;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    findings.note("mark-missing", error.message);
    return null;
  }
}

async function examineNames(path: string, findings: Findings): Promise<void> {
  const of = (name: string) => join(path, name);
  const isOpen = (facts: PathFacts | null) => facts?.isOpenToOthers === true;
  if (isOpen(await factsOf(path))) findings.note("open-to-others", path);
  for (const name of await namesIn(path)) {
    if (unfinished.includes(name)) findings.note("unfinished", of(name));
    else if (!known.includes(name)) findings.note("stranger", of(name));
    else if (isOpen(await factsOf(of(name)))) findings.note("open-to-others", of(name));
  }
  for (const name of await namesOrNone(of("blobs/tmp"))) {
    findings.note("unfinished", of(join("blobs/tmp", name)));
  }
  for (const name of await namesOrNone(of("uploads"))) {
    findings.note("partial", of(join("uploads", name)));
  }
}

/** `context.toml` stands here when the first start found no home of its user. */
const known = [
  ...ownNames,
  `${databaseName}-wal`,
  `${databaseName}-shm`,
  "context.toml",
  "lost+found",
];
const unfinished = [backupCopyName, ...ownNames.map((name) => `${name}.tmp`)];

async function namesOrNone(path: string): Promise<readonly string[]> {
  return namesIn(path).catch((error: unknown) => {
    if (errorCodeOf(error) === "ENOENT") return [];
    throw error;
  });
}

function cannot(path: string, error: unknown): StartError {
  return new StartError(
    3,
    `The data directory ${path} cannot be looked into (${errorCodeOf(error) ?? "unknown error"}). Do it as the user that runs the server.`,
    { cause: error },
  );
}
