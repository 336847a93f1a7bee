// Holds what a server asks for against what the machine's owner allows. Asked twice: when the worker says what it
// offers, and again before each job, because a server may send what was never offered. Pure.

import type { WorkerPolicy } from "../domain/worker-policy.ts";

/** What a worker offers. No types: those of a server without types. */
export type Offer = { readonly types: readonly string[]; readonly slots: number };

/** The offer within the policy, or a sentence when nothing is left of it. */
export function narrowOffer({ types, slotsMax }: WorkerPolicy, offer: Offer): Offer | string {
  const slots = Math.min(offer.slots, slotsMax ?? Infinity);
  if (types === null) return { ...offer, slots };
  if (offer.types.length === 0) return { types, slots };
  const left = offer.types.filter((type) => types.includes(type));
  if (left.length > 0) return { types: left, slots };
  return `This machine's policy allows the types ${types.join(", ")}, and none of ${offer.types.join(", ")}. Ask for one of the first, or change types in the policy.`;
}

/** A job, as far as a policy cares. `program`: what its client says is to run; null when the owner said. */
export type Wish = { readonly type: string; readonly program: string | null };

/** Why a job may not run here, as a sentence, or null when it may. */
export function wishProblem(policy: WorkerPolicy, { type, program }: Wish): string | null {
  const { types, allowCommands, programs } = policy;
  if (types !== null && !types.includes(type)) {
    return `The policy of this machine does not allow jobs of type ${JSON.stringify(type)}.`;
  }
  if (program === null) return null;
  if (!allowCommands) return "The policy of this machine does not allow commands sent by clients.";
  // The word itself is compared: a path that ends in an allowed name may lead to a file that came with the job.
  if (programs !== null && !programs.includes(program)) {
    return `The policy of this machine does not allow the program ${JSON.stringify(program)}.`;
  }
  return null;
}

/**
 * Why the worker may not start as this user, or null. Jobs of root may do everything to a machine. Within a container
 * root is often the only user there is, and what it may do is bounded by the container: refusing there would teach
 * people to always allow it.
 */
export function rootProblem(facts: {
  readonly isRoot: boolean;
  readonly isInContainer: boolean;
  readonly isAllowed: boolean;
}): string | null {
  if (!facts.isRoot || facts.isInContainer || facts.isAllowed) return null;
  return "A worker does not run as root: its jobs could do everything to this machine. Start it as another user, or allow it with --allow-root or run_as_root = true in the policy.";
}
