// Takes in the submissions of all client sockets: those of one turn of the event loop, whoever sent them, are one
// call of the broker and share a commit. They are added in the order in which they came.

import type { Broker } from "../broker/broker.ts";
import type { SubmitOutcome } from "../broker/submit-many.ts";
import { assert } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import { submissionBytesPerCommitMax } from "../domain/limits-server.ts";
import { submissionsPerCommitMax } from "../domain/limits.ts";
import type { Log } from "../platform/log.ts";
import type { AtEndOfTurn } from "../platform/turn.ts";
import type { SubmitMessage } from "../protocol/client-messages.ts";
import { submitOrRefuse } from "./bulk-intake.ts";
import { createSubmitReader, type ReadSubmit } from "./client-options.ts";

export type Arrived = {
  readonly message: SubmitMessage;
  readonly payload: Uint8Array;
  /** Called once, and must not throw. */
  readonly answer: (outcome: SubmitOutcome) => void;
};

export type ClientIntake = { put(arrived: Arrived): void };

export type ClientIntakeDeps = {
  readonly broker: Broker;
  readonly atEndOfTurn: AtEndOfTurn;
  readonly log: Log;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

export function createClientIntake(deps: ClientIntakeDeps): ClientIntake {
  const { broker, atEndOfTurn, log, isTaking } = deps;
  const readOne = createSubmitReader(broker);
  let waiting: Arrived[] = [];
  let isArmed = false;
  let isStaging = false;
  let answered: Promise<void> = Promise.resolve();

  const takeSome = (): readonly Arrived[] => {
    let bytes = 0;
    let count = 0;
    for (const { payload } of waiting) {
      if (count === submissionsPerCommitMax || bytes >= submissionBytesPerCommitMax) break;
      bytes += payload.length;
      count += 1;
    }
    return waiting.splice(0, count);
  };
  const refuse = (some: readonly Arrived[], error: GridError) => {
    for (const { answer } of some) answer({ kind: "refused", error });
  };
  const fail = (some: readonly Arrived[], error: unknown) => {
    log.error("client.submit_failed", error);
    refuse(some, new GridError("internal", "The server failed; its log has the reason."));
  };
  const commit = async (
    some: readonly Arrived[],
    read: readonly ReadSubmit[],
    before: Promise<void>,
  ) => {
    try {
      const outcomes = await submitAll(broker, read);
      await before;
      for (const [index, { answer }] of some.entries()) answer(outcomes[index]!); // One for each.
    } catch (error) {
      fail(some, error);
    }
  };
  /** Staging goes one after the other, and so do answers; commits need not wait for one another. */
  const pump = async () => {
    isStaging = true;
    while (waiting.length > 0) {
      const some = takeSome();
      if (!isTaking()) {
        refuse(some, stopping());
        continue;
      }
      try {
        const all = some.map(({ message, payload }) => readOne(message, payload));
        answered = commit(some, await Promise.all(all), answered);
      } catch (error) {
        fail(some, error);
      }
    }
    isStaging = false;
  };

  return {
    put(arrived) {
      waiting.push(arrived);
      if (isArmed || isStaging) return;
      isArmed = true;
      atEndOfTurn(() => {
        isArmed = false;
        if (!isStaging) void pump();
      });
    },
  };
}

async function submitAll(
  broker: Broker,
  read: readonly ReadSubmit[],
): Promise<readonly SubmitOutcome[]> {
  const submissions = read.flatMap((one) => (one.kind === "job" ? [one.submission] : []));
  const outcomes = submissions.length === 0 ? [] : await submitOrRefuse(broker, submissions);
  let place = 0;
  return read.map((one) => {
    if (one.kind === "refused") return one;
    const outcome = outcomes[place];
    assert(outcome !== undefined, "a submission has an outcome");
    place += 1;
    return outcome;
  });
}

function stopping(): GridError {
  return new GridError("shutting-down", "The server is stopping. Send it again when it is back.");
}
