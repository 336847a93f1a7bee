// Knows which large bytes are on their way: kept by the provider, named by no record yet. A form whose fields
// come slowly, and a result that waits for room in the database, stay so for hours; no age tells them from
// garbage. Stands before both stores, so that nobody who stages bytes has to think of it. It also holds back
// deletions while somebody copies everything.

import type { NewContent } from "../domain/blob-ref.ts";
import { deferredDeletionCountMax } from "../domain/limits.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { JobStore } from "../store/job-store.ts";

export type Staged = {
  /** The stores that everything is to go through. */
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  /** True from the moment the bytes stand until a record names them or they are taken away. */
  isHeld(name: string): boolean;
  /** Notes which uploads are under way; the answer tells whether all of these have ended since. */
  mark(): () => boolean;
  /** From now on bytes that records named stay, until the returned function is called. */
  pin(): () => Promise<void>;
};

export function watchStaged(stores: {
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
}): Staged {
  const held = new Set<string>();
  const underWay = new Set<number>();
  const deferred = new Set<string>();
  let putCount = 0;
  let pinCount = 0;

  const put: BlobStore["put"] = async (bytes, sizeBytesMax) => {
    const number = (putCount += 1);
    underWay.add(number);
    try {
      const ref = await stores.blobs.put(bytes, sizeBytesMax);
      held.add(ref.name);
      return ref;
    } finally {
      underWay.delete(number);
    }
  };
  const remove = async (name: string): Promise<void> => {
    // Held bytes were never named by a record, so that no copy can want them.
    const isNeeded = pinCount > 0 && !held.has(name);
    // Beyond the bound a name is forgotten: the collector finds its bytes.
    if (isNeeded && deferred.size < deferredDeletionCountMax) deferred.add(name);
    if (isNeeded) return;
    // Nobody waits for them any more, and should they stay, the collector may have them.
    held.delete(name);
    await stores.blobs.delete(name);
  };
  // Refused ones stay held: whoever staged them tries again or takes them away.
  const release = (content: NewContent | null) => {
    if (content !== null && content.inline === null) held.delete(content.name);
  };
  const add: JobStore["add"] = async (jobs) => {
    const added = await stores.jobs.add(jobs).catch((error: unknown) => {
      for (const { payload } of jobs) release(payload); // Nobody adds them again: now the records alone count.
      throw error;
    });
    if (held.size > 0) {
      for (const [index, { payload }] of jobs.entries()) {
        if (added[index]?.kind === "added") release(payload);
      }
    }
    return added;
  };
  const save: JobStore["save"] = async (changes) => {
    const saved = await stores.jobs.save(changes);
    if (held.size > 0) {
      for (const [index, { result }] of changes.entries()) {
        if (saved[index]?.kind === "saved") release(result);
      }
    }
    return saved;
  };
  const unpin = async () => {
    pinCount -= 1;
    if (pinCount > 0) return;
    const names = [...deferred];
    deferred.clear();
    for (const name of names) await remove(name);
  };

  return {
    jobs: { ...stores.jobs, add, save },
    blobs: { ...stores.blobs, put, delete: remove },
    isHeld: (name) => held.has(name),
    mark() {
      const last = putCount;
      return () => [...underWay].every((number) => number > last);
    },
    pin() {
      pinCount += 1;
      let isPinned = true;
      return async () => {
        if (isPinned) {
          isPinned = false;
          await unpin();
        }
      };
    },
  };
}
