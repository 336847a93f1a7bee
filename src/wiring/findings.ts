// What an examination found, gathered by kind: a thousand missing files are one finding with a few examples.

export type Severity =
  /** Something was lost, or the server will not start. */
  | "damage"
  /** It works, and should be put right. */
  | "attention"
  /** Harmless remains, for which the server has a use or which it takes away. */
  | "leftover";

export type Finding = {
  readonly kind: FindingKind;
  readonly severity: Severity;
  /** What is wrong, and what to do about it. */
  readonly what: string;
  readonly remedy: string;
  readonly count: number;
  /** The first few, with what is known of each. */
  readonly examples: readonly string[];
};

export type Findings = {
  /** `example`: which one it is. */
  note(kind: FindingKind, example: string): void;
  /** The worst first. */
  all(): readonly Finding[];
};

const exampleCountMax = 10;

const kinds = {
  "identity-missing": {
    severity: "damage",
    what: "The file IDENTITY is gone, so that nobody can tell which grid the directory belongs to.",
    remedy: "Restore IDENTITY from a backup of the directory.",
  },
  "identity-damaged": {
    severity: "damage",
    what: "The file IDENTITY cannot be read.",
    remedy: "Restore IDENTITY from a backup of the directory.",
  },
  "database-lost": {
    severity: "damage",
    what: "The database is gone or empty, though the directory was in use.",
    remedy: "Put it back, or restore a backup into another directory with gridlike restore.",
  },
  "database-foreign": {
    severity: "damage",
    what: "The database belongs to another program, another version or another grid.",
    remedy: "Put the database back that belongs here, or use the version that wrote it.",
  },
  "database-damaged": {
    severity: "damage",
    what: "The database is damaged.",
    remedy:
      'Keep a copy of it, then restore a backup with gridlike restore, or save what can be read with "sqlite3 grid.db .recover".',
  },
  "went-back": {
    severity: "damage",
    what: "The database went back in time: jobs that were accepted may be missing.",
    remedy:
      "Put back the newest database with its -wal file; or remove HIGH-WATER to go on with this one and accept the loss.",
  },
  "mark-missing": {
    severity: "attention",
    what: "The file HIGH-WATER is gone or cannot be read, so that a database that went back in time goes unnoticed.",
    remedy:
      "Remove what is left of it if you are sure of the database: the next start writes it anew.",
  },
  "blob-missing": {
    severity: "damage",
    what: "Bytes of jobs are gone.",
    remedy:
      "Put the files back from a backup; else delete the jobs and submit them again. A job that waits for such bytes fails when it is claimed.",
  },
  "blob-damaged": {
    severity: "damage",
    what: "Bytes of jobs are not those that were stored.",
    remedy: "Put the files back from a backup; else delete the jobs and submit them again.",
  },
  "open-to-others": {
    severity: "attention",
    what: "Other users of this machine may look into what the server keeps, or change it.",
    remedy: "Take their rights away: chmod 700 for directories, chmod 600 for files.",
  },
  stranger: {
    severity: "attention",
    what: "Something lies in the data directory that is no part of it.",
    remedy: "Move it elsewhere, if it is of any use.",
  },
  orphan: {
    severity: "leftover",
    what: "Files hold bytes that no job refers to: a server was killed between two steps.",
    remedy: "Nothing to do: the running server takes them away when they are an hour old.",
  },
  unfinished: {
    severity: "leftover",
    what: "Files were being written when the server was killed.",
    remedy: "Nothing to do: the next start takes them away or writes them anew.",
  },
  partial: {
    severity: "leftover",
    what: "Results have arrived in part.",
    remedy:
      "Nothing to do: their workers go on with them, or the server takes them away after a day.",
  },
} as const satisfies {
  readonly [kind: string]: Pick<Finding, "severity" | "what" | "remedy">;
};

export type FindingKind = keyof typeof kinds;

export function createFindings(): Findings {
  const found = new Map<FindingKind, { count: number; readonly examples: string[] }>();
  return {
    note(kind, example) {
      const entry = found.get(kind) ?? { count: 0, examples: [] };
      found.set(kind, entry);
      entry.count += 1;
      if (entry.examples.length < exampleCountMax) entry.examples.push(example);
    },
    all() {
      const order = Object.keys(kinds) as FindingKind[]; // Its keys are that type.
      return order
        .flatMap((kind) => {
          const entry = found.get(kind);
          return entry === undefined ? [] : [{ kind, ...kinds[kind], ...entry }];
        })
        .sort((a, b) => rankOf(a.severity) - rankOf(b.severity));
    },
  };
}

function rankOf(severity: Severity): number {
  return ["damage", "attention", "leftover"].indexOf(severity);
}
