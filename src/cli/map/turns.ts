// Who prints when: one job at a time, so that no lines mix; in the order of the arguments when that was asked for. What
// waits for its turn is held in memory while that is little; else it is fetched again, since the server keeps it.

import { mapHeldBytesMax } from "./limits.ts";

/** What a job has to print. */
export type Printable = {
  readonly sizeBytes: number;
  /** False when holding it would hold a connection, too. */
  readonly isHeld: boolean;
  print(): Promise<void>;
  /** Lets go of it; `printAgain` gets it anew. */
  close(): Promise<void>;
  printAgain(): Promise<void>;
};

export type Turns = {
  /** `place` counts from 0 without a gap. Resolves when it was printed, or waits for its turn. */
  take(place: number, printable: Printable): Promise<void>;
  /** Nothing will be printed at this place. */
  skip(place: number): Promise<void>;
  /** Prints what still waits, in order, though not all before it has come. */
  flush(): Promise<void>;
};

export function createTurns({ keepsOrder }: { readonly keepsOrder: boolean }): Turns {
  const print = createQueue();
  if (!keepsOrder) {
    return {
      take: (_place, printable) => print(() => printable.print()),
      skip: () => Promise.resolve(),
      flush: () => print(() => Promise.resolve()),
    };
  }
  const waiting = new Map<number, { readonly bytes: number; print(): Promise<void> }>();
  let next = 0;
  let heldBytes = 0;

  const printDue = () =>
    print(async () => {
      for (let due = waiting.get(next); due !== undefined; due = waiting.get(next)) {
        waiting.delete(next);
        next += 1;
        heldBytes -= due.bytes;
        await due.print();
      }
    });
  return {
    async take(place, printable) {
      const { sizeBytes, isHeld } = printable;
      if (place === next || (isHeld && heldBytes + sizeBytes <= mapHeldBytesMax)) {
        const bytes = isHeld ? sizeBytes : 0;
        heldBytes += bytes;
        waiting.set(place, { bytes, print: () => printable.print() });
      } else {
        await printable.close();
        waiting.set(place, { bytes: 0, print: () => printable.printAgain() });
      }
      if (waiting.has(next)) await printDue();
    },
    async skip(place) {
      waiting.set(place, { bytes: 0, print: () => Promise.resolve() });
      if (waiting.has(next)) await printDue();
    },
    flush: () =>
      print(async () => {
        for (const [place, { print: printOne }] of [...waiting].sort(([a], [b]) => a - b)) {
          waiting.delete(place);
          await printOne();
        }
      }),
  };
}

/** Runs one after the other. */
function createQueue() {
  let last: Promise<void> = Promise.resolve();
  return (work: () => Promise<void>): Promise<void> => {
    last = last.then(work);
    return last;
  };
}
