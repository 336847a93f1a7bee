// Processes that outlived their parents among the descendants of this process: Linux gives them to us once we asked for
// them (a daemon forks twice and starts a session of its own, and cannot escape that). Whose they are is told by a line
// of their environment, or, when they wiped it, by who ran when they appeared. Without that system call there are none.

import { existsSync, readFileSync } from "node:fs";
import type { SystemCalls } from "./system-calls.ts";

export type Orphans = {
  /** `mark`: a line of the environment, `NAME=value`, that every process of the family begins with. */
  born(mark: string, pid: number): void;
  /** The process `pid`, which we started ourselves, has ended and was taken note of. */
  parentEnded(pid: number): void;
  /** The living orphans of a family. Dead ones of any family are buried on the way. */
  of(mark: string): readonly number[];
  /** No process of the family lives any more, or nobody waits for it. */
  over(mark: string): void;
};

export function createOrphans(calls: SystemCalls): Orphans {
  const children = `/proc/${process.pid}/task/${process.pid}/children`;
  if (!existsSync(children) || !calls.adoptOrphans()) return noOrphans;
  const ownSession = statOf("self")?.session;
  const families = new Set<string>();
  const parents = new Set<number>();
  /** The families that an orphan may belong to, as found when it was first seen. */
  const familiesByPid = new Map<number, Set<string>>();

  /** How many dead ones were buried: theirs may have become ours only after the list was read. */
  const look = (): number => {
    const alive = new Set<number>();
    let buriedCount = 0;
    for (const pid of pidsIn(children)) {
      if (parents.has(pid)) continue;
      const stat = statOf(pid);
      // What runs in our own session was started by another part of this program: jobs have sessions of their own.
      if (stat === null || stat.session === ownSession) continue;
      if (stat.isDead) {
        if (calls.bury(pid)) buriedCount += 1;
      } else {
        alive.add(pid);
        if (!familiesByPid.has(pid)) familiesByPid.set(pid, familiesOf(pid, families));
      }
    }
    for (const pid of familiesByPid.keys()) if (!alive.has(pid)) familiesByPid.delete(pid);
    return buriedCount;
  };
  return {
    born(mark, pid) {
      families.add(mark);
      parents.add(pid);
    },
    parentEnded: (pid) => void parents.delete(pid),
    of(mark) {
      while (look() > 0);
      return [...familiesByPid]
        .filter(([, of]) => of.size === 1 && of.has(mark))
        .map(([pid]) => pid);
    },
    over(mark) {
      families.delete(mark);
      for (const of of familiesByPid.values()) of.delete(mark);
    },
  };
}

/** Where the system gives them to somebody else. */
export const noOrphans: Orphans = {
  born: () => {},
  parentEnded: () => {},
  of: () => [],
  over: () => {},
};

/**
 * The one family whose mark it carries, or else all that live: it is killed when only one of them is left. The first
 * process of a container is given the orphans of strangers too, so there an unmarked one belongs to nobody.
 */
function familiesOf(pid: number, families: ReadonlySet<string>): Set<string> {
  const lines = new Set(textOf(`/proc/${pid}/environ`)?.split("\0"));
  const marks = [...families].filter((mark) => lines.has(mark));
  if (marks.length > 0) return new Set(marks);
  return new Set(process.pid === 1 ? [] : families);
}

/** What is needed of /proc/PID/stat: the name before the last bracket may hold anything. */
function statOf(pid: number | "self") {
  const text = textOf(`/proc/${pid}/stat`);
  if (text === null) return null;
  const [state, , , session] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { isDead: state === "Z" || state === "X", session: Number(session) };
}

function pidsIn(path: string): readonly number[] {
  return (textOf(path) ?? "").split(" ").flatMap((word) => (word === "" ? [] : [Number(word)]));
}

/** Null for a process that is gone, or not ours to look at. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
