// The folders that jobs are given: one each, fresh and empty, gone afterwards. Where jobs are known to work elsewhere, an
// empty one is handed on instead, which spares two calls of the system and their way through another thread.

import { join } from "node:path";
import { isEmptyFolder } from "../platform/job-files.ts";
import { makeScratchFolder, removeScratchFolder } from "../platform/moved-files.ts";
import { nameOf } from "./conversation/attempts.ts";
import type { AttemptName } from "./conversation/conversation-words.ts";

export type JobFolders = {
  /** Where the job's folder is, or will be. */
  placeOf(name: AttemptName): string;
  /** Makes it, unless it is there. */
  make(place: string): Promise<void>;
  /** The job needs it no longer. */
  leave(place: string): Promise<void>;
};

export function createFreshFolders(jobsFolder: string): JobFolders {
  return {
    placeOf: (name) => join(jobsFolder, nameOf(name)),
    make: makeScratchFolder,
    leave: removeScratchFolder,
  };
}

/** Only for jobs that are not told of their folder: a process of another job may stand in one. */
export function createSharedFolders(jobsFolder: string): JobFolders {
  const spare: string[] = [];
  const made = new Set<string>();
  let count = 0;
  return {
    placeOf() {
      const former = spare.pop();
      if (former !== undefined) return former;
      count += 1; // Not the job's name: its folder may be in the hands of another by then.
      return join(jobsFolder, String(count));
    },
    async make(place) {
      if (made.has(place)) return;
      await makeScratchFolder(place);
      made.add(place);
    },
    async leave(place) {
      if (made.has(place) && isEmptyFolder(place)) {
        spare.push(place);
        return;
      }
      made.delete(place);
      await removeScratchFolder(place);
    },
  };
}
