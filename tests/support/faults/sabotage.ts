// Builds that break a promise on purpose. A harness that does not catch them proves nothing with what it does
// not find. They are made while building, by rewriting the text of single source files on their way into the
// bundle; the sources on the disk stay as they are, and a text that is no longer found fails the build.
//
// The kill loop sees only what the death of a process can show. A kill leaves the kernel's page cache alone, so
// a sync that was left out (`synchronous = OFF`, a missing fsync) loses nothing under kill -9 and goes unseen:
// that needs a power cut, or a look at the system calls (sync-calls.ts), for which two more builds are here.

import { join } from "node:path";
import type { Rule } from "./findings.ts";

export type Edit = { readonly file: string; readonly find: string; readonly put: string };

export type BrokenBuild = {
  readonly name: string;
  readonly does: string;
  readonly edits: readonly Edit[];
};

/** `breaks`: any of these findings is what it must be caught by. */
export type Sabotage = BrokenBuild & { readonly breaks: readonly Rule[] };

const store = "src/store/sqlite";

const lateCommit = `
  let isOfJob = false;
  let timer = null;
  const begin = (real) => ({ run: (bindings) => (db.inTransaction ? { changes: 0 } : real.run(bindings)) });
  const noteJob = (real) => ({ run: (bindings) => ((isOfJob = true), real.run(bindings)) });
  const commitLate = (real) => {
    const commit = () => {
      timer = null;
      isOfJob = false;
      return db.inTransaction ? real.run({}) : { changes: 0 };
    };
    // What is no change of a job, such as the count of starts, is committed in time.
    return { run: () => (isOfJob ? ((timer ??= setTimeout(commit, 200)), { changes: 0 }) : commit()) };
  };`;

export const answersEarly: Sabotage = {
  name: "answers-early",
  does: "answers before the commit, which comes up to 200 ms later",
  breaks: ["L1"],
  edits: [
    ["export function prepareStatements(db: Database) {", lateCommit],
    ["writing(write.BEGIN)", "begin"],
    ["writing(write.BEGIN_READ)", "begin"],
    ["writing(write.COMMIT)", "commitLate"],
    ["writing(write.INSERT_EVENT)", "noteJob"],
  ].map(([find = "", put = ""]) => ({
    file: `${store}/statements.ts`,
    find,
    put: put === lateCommit ? `${find}${put}` : `${put}(${find})`,
  })),
};

export const completesTwice: Sabotage = {
  name: "completes-twice",
  does: "takes any result, also of a former life of the job, and overwrites the first",
  breaks: ["L3", "L4"],
  edits: [
    {
      file: "src/domain/transition.ts",
      find: 'if (!isKnown || step.attempt <= job.retriedAfter) return refused("abandon");\n  if (job.status === "done") {',
      put: 'if (!isKnown) return refused("abandon");\n  if (job.status === "cancelled") {',
    },
    {
      file: "src/domain/transition.ts",
      find: 'if (job.by !== step.attempt) return refused("superseded");\n    return refused(job.result.sha256 === step.result.sha256 ? "committed" : "conflict");',
      put: 'return refused("abandon");',
    },
    {
      file: "src/domain/transition.ts",
      find: 'if (job.status !== "running" && job.status !== "pending") return refused("abandon");',
      put: "",
    },
    {
      file: `${store}/write-sql.ts`,
      find: "INSERT INTO result (seq",
      put: "INSERT OR REPLACE INTO result (seq",
    },
  ],
};

export const keepsInStaging: Sabotage = {
  name: "keeps-in-staging",
  does: "leaves large bytes in the staging directory, which the next start empties, and records them all the same",
  breaks: ["L1", "L3", "L9"],
  edits: [
    {
      file: "src/blobs/disk/disk-blob-store.ts",
      find: "const pathOf = (name: string) => join(directory, shardOf(requireBlobName(name)), name);",
      put: "const pathOf = (name: string) => join(staging, requireBlobName(name));",
    },
    {
      file: "src/blobs/disk/disk-blob-store.ts",
      find: "if (/^[0-9a-f]{32}$/.test(name)) await",
      put: "await",
    },
  ],
};

export const sabotages = [answersEarly, completesTwice, keepsInStaging] as const;

/** Seen only where sync calls are counted; under kill -9 it is as good as the real one. */
export const syncsNoRecords: BrokenBuild = {
  name: "syncs-no-records",
  does: "commits without asking the disk to keep it",
  edits: [
    {
      file: `${store}/open-database.ts`,
      find: 'PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"}',
      put: "PRAGMA synchronous = OFF",
    },
  ],
};

export const syncsNoBytes: BrokenBuild = {
  name: "syncs-no-bytes",
  does: "gives a file of large bytes its name without asking the disk to keep its content",
  edits: [
    {
      file: "src/blobs/disk/staging-file.ts",
      find: "await file.datasync();",
      put: "",
    },
  ],
};

const root = join(import.meta.dir, "../../..");

/** Builds a binary at `outfile` as build.ts does, with the edits. Rejects when one of them does not fit. */
export async function buildSabotaged({ name, edits }: BrokenBuild, outfile: string): Promise<void> {
  const build = Bun.spawn(
    [
      process.execPath,
      "--preload",
      join(import.meta.dir, "sabotage-build.ts"),
      join(root, "build.ts"),
    ],
    {
      cwd: root,
      env: { ...process.env, SABOTAGE_EDITS: JSON.stringify(edits), SABOTAGE_OUTFILE: outfile },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: 120_000,
    },
  );
  const said = await build.stderr.text();
  if ((await build.exited) !== 0 || !(await Bun.file(outfile).exists())) {
    throw new Error(`The sabotaged build ${name} could not be made:\n${said}`);
  }
}
