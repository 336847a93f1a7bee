// Gathers the changes of a turn of the event loop, or of a few turns while more keep coming, into one transaction
// and one sync to disk.
// A promise resolves after the commit that carries its change; one bad change fails only its own caller.

import {
  changesPerCommitMax,
  commitAgainMs,
  commitSoonMsMax,
  gatherTurnCountMax,
} from "../../domain/limits.ts";
import type { Clock } from "../../platform/clock.ts";
import type { AtEndOfTurn } from "../../platform/turn.ts";
import {
  brokenError,
  closedError,
  isBroken,
  isBusy,
  isDiskFull,
  toStoreError,
} from "./sqlite-errors.ts";

export type GroupCommit = {
  /** Writes in the next commit. `size`: how many changes it counts for. */
  write<Answer>(size: number, apply: () => Answer): Promise<Answer>;
  /**
   * Writes with the next commit, which is not made for this alone before `commitSoonMsMax` are over. Has no answer
   * but the commit itself: while the disk is full it is put again and again, and what came after it waits or fails.
   */
  writeSoon(apply: () => void, onDurable: () => void): void;
  /** Writes at once, in a commit of its own. */
  writeNow<Answer>(apply: () => Answer): Answer;
  /** Reads what is committed. Rejects, as all verbs do, when the database is closed or no longer trusted. */
  read<Answer>(read: () => Answer): Promise<Answer>;
  /** Commits what waits and takes nothing more. "broken": the disk failed, nothing more may be written. */
  close(): "closed" | "broken";
};

export type GroupCommitDeps = {
  /** Runs the work in one transaction: all of it is durable on return, or nothing happened on a throw. */
  readonly transact: (work: () => void) => void;
  readonly atEndOfTurn: AtEndOfTurn;
  readonly clock: Pick<Clock, "after">;
  /** Called once, when the disk failed. From then on everything is rejected. */
  readonly onBroken: (error: unknown) => void;
  /** Called when the disk is full: true when there is room now, so that the same is worth another try. */
  readonly makeRoom?: () => boolean;
};

type Request = {
  readonly size: number;
  /** It was answered for already: it cannot fail, only wait. */
  readonly isPromised: boolean;
  /** Applies the change and keeps its answer until `resolve`. */
  readonly apply: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export function createGroupCommit({
  transact,
  atEndOfTurn,
  clock,
  onBroken,
  makeRoom = () => false,
}: GroupCommitDeps): GroupCommit {
  let waiting: Request[] = [];
  let isArmed = false;
  let isTimed = false;
  let unusable: Error | null = null;
  let lastError: unknown = null;
  let end: "closed" | "broken" = "closed";

  function arm(): void {
    if (isArmed) return;
    isArmed = true;
    gather(gatherTurnCountMax);
  }

  /** Commits at the end of a turn that brought nothing more: a change alone never waits for others. */
  function gather(turnsLeft: number): void {
    const before = waiting.length;
    atEndOfTurn(() => {
      if (waiting.length > before && turnsLeft > 1) return gather(turnsLeft - 1);
      isArmed = false;
      commitSome();
    });
  }

  /** A commit that brings what is promised, should no other one come first. */
  function armWithin(ms: number): void {
    if (isArmed || isTimed) return;
    isTimed = true;
    clock.after(ms, () => {
      isTimed = false;
      if (waiting.length > 0 && unusable === null) arm();
    });
  }

  function commitSome(): void {
    const batch = takeBatch();
    if (batch.length === 0) return;
    commit(batch);
    // What was put off waits for its time, or for the next change.
    if (waiting.some(({ isPromised }) => !isPromised)) arm();
  }

  function takeBatch(): readonly Request[] {
    let size = 0;
    let count = 0;
    for (const request of waiting) {
      size += request.size;
      if (count > 0 && size > changesPerCommitMax) break;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  /** The transaction, once more when the disk was full and room was made. */
  function transactWithRoom(work: () => void): void {
    try {
      transact(work);
    } catch (error) {
      if (!isDiskFull(error) || !makeRoom()) throw error;
      transact(work);
    }
  }

  function commit(batch: readonly Request[]): void {
    try {
      transactWithRoom(() => {
        for (const request of batch) request.apply();
      });
    } catch (error) {
      return recover(batch, error);
    }
    for (const request of batch) request.resolve();
  }

  function recover(batch: readonly Request[], error: unknown): void {
    if (isBroken(error)) return breakDown(batch, error);
    // A lock held by another program concerns them all: waiting for it again for each would stall the server.
    if (batch.length > 1 && !isBusy(error)) return commitEachAlone(batch);
    putOff(batch, toStoreError(error));
  }

  function commitEachAlone(batch: readonly Request[]): void {
    for (const [index, request] of batch.entries()) {
      if (unusable !== null) request.reject(unusable);
      // Others build upon what is promised: without it they would be judged by what it was to replace.
      else if (request.isPromised) {
        if (!isCommitted(request)) return putOff(batch.slice(index), toStoreError(lastError));
      } else commit([request]);
    }
  }

  /** Whether this one alone could be committed. */
  function isCommitted(request: Request): boolean {
    try {
      transactWithRoom(request.apply);
    } catch (error) {
      lastError = error;
      if (isBroken(error)) breakDown([request], error);
      return false;
    }
    request.resolve();
    return true;
  }

  /** What is promised comes first again, a little later; the rest has failed. */
  function putOff(batch: readonly Request[], error: unknown): void {
    const promised = batch.filter(({ isPromised }) => isPromised);
    waiting.unshift(...promised);
    for (const request of batch) request.reject(error);
    if (promised.length > 0) armWithin(commitAgainMs);
  }

  function breakDown(batch: readonly Request[], error: unknown): void {
    unusable = brokenError(error);
    end = "broken";
    for (const request of [...batch, ...waiting]) request.reject(unusable);
    waiting = [];
    onBroken(error);
  }

  function requireUsable(): void {
    if (unusable !== null) throw unusable;
  }

  /** Gives an error of the engine its meaning for the caller. */
  function explain(error: unknown): unknown {
    if (isBroken(error) && unusable === null) breakDown([], error);
    return unusable ?? toStoreError(error);
  }

  return {
    read: async (read) => {
      requireUsable();
      try {
        return read();
      } catch (error) {
        throw explain(error);
      }
    },
    write: (size, apply) =>
      new Promise((resolve, reject) => {
        requireUsable();
        let answer: ReturnType<typeof apply>;
        waiting.push({
          size,
          isPromised: false,
          apply: () => (answer = apply()),
          resolve: () => resolve(answer),
          reject,
        });
        arm();
      }),
    writeSoon: (apply, onDurable) => {
      requireUsable();
      waiting.push({ size: 1, isPromised: true, apply, resolve: onDurable, reject() {} });
      armWithin(commitSoonMsMax);
    },
    writeNow: (apply) => {
      requireUsable();
      let answer: { readonly value: ReturnType<typeof apply> } | null = null;
      try {
        transactWithRoom(() => (answer = { value: apply() }));
      } catch (error) {
        throw explain(error);
      }
      return answer!.value;
    },
    close: () => {
      // Once: what a full disk does not take now, it will not take on the way out either.
      for (let left = waiting.length; left > 0 && waiting.length > 0; left -= 1)
        commit(takeBatch());
      unusable ??= closedError();
      return end;
    },
  };
}
