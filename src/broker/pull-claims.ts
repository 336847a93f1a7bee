// Claims made under a word of the caller's, so that a call whose answer was lost on the way can be made again:
// the same word gets the same job while its attempt is held. In memory: a restart forgets the words.

import { GridError } from "../domain/errors.ts";
import type { JobSeq } from "../domain/job.ts";
import { pullClaimCountMax } from "../domain/limits.ts";
import type { Taken } from "./pull-door.ts";

export type PullClaims = {
  /**
   * The job that this word took and still holds, else what `take` brings. A call under the same word that still
   * waits is ended without a job: its caller has given it up, or would not have made this one.
   */
  once(
    word: string,
    stop: AbortSignal,
    take: (stop: AbortSignal) => Promise<Taken | null>,
  ): Promise<Taken | null>;
  /** The job's attempt is over. */
  forget(seq: JobSeq): void;
};

type Call = { readonly end: AbortController; taken: Taken | null };

export function createPullClaims(isHeld: (taken: Taken) => boolean): PullClaims {
  const callsByWord = new Map<string, Call>();
  const wordsBySeq = new Map<JobSeq, string>();

  const drop = (word: string, call: Call) => {
    if (callsByWord.get(word) === call) callsByWord.delete(word);
  };

  return {
    async once(word, stop, take) {
      const former = callsByWord.get(word);
      if (former !== undefined && former.taken !== null && isHeld(former.taken))
        return former.taken;
      former?.end.abort();
      if (former === undefined && callsByWord.size >= pullClaimCountMax) throw tooManyClaims();
      const call: Call = { end: new AbortController(), taken: null };
      callsByWord.set(word, call);
      try {
        call.taken = await take(AbortSignal.any([stop, call.end.signal]));
      } finally {
        // Also when it was cancelled meanwhile: its news came before the word was tied to it.
        if (call.taken === null || !isHeld(call.taken)) drop(word, call);
        else if (callsByWord.get(word) === call) wordsBySeq.set(call.taken.job.seq, word);
      }
      return call.taken;
    },
    forget(seq) {
      const word = wordsBySeq.get(seq);
      if (word === undefined) return;
      wordsBySeq.delete(seq);
      callsByWord.delete(word);
    },
  };
}

function tooManyClaims(): GridError {
  return new GridError(
    "overloaded",
    `${pullClaimCountMax} claims are remembered already. Claim without Gridlike-Claim, or finish jobs first.`,
  );
}
