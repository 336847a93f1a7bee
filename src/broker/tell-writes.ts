// Tells of every write of events, whichever part of the broker did it: what adds jobs need not think of followers.

import type { JobStore } from "../store/job-store.ts";

/** The same store; `onWritten` is called after each commit that may hold events. */
export function tellWrites(jobs: JobStore, onWritten: () => void): JobStore {
  const told = <Answer>(writing: Promise<Answer>): Promise<Answer> => {
    // Also after a failure: with an error of the disk nobody knows whether it was written.
    void writing.then(onWritten, onWritten);
    return writing;
  };
  return {
    ...jobs,
    add: (added) => told(jobs.add(added)),
    save: (changes) => told(jobs.save(changes)),
    saveSoon: (change, onDurable) =>
      jobs.saveSoon(change, () => {
        onWritten();
        onDurable();
      }),
    remove: (removals) => told(jobs.remove(removals)),
  };
}
