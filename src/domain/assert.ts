// Statements the code relies on. A broken one is our bug: it stops the request and is logged with its stack.

/** Throws when a fact this code relies on does not hold. */
export function assert(fact: boolean, sentence: string): asserts fact {
  if (!fact) throw new Error(`Broken assertion: ${sentence}`);
}

/** Ends a switch over a union: the compiler refuses a forgotten case, the run time names it. */
export function unreachable(value: never): never {
  throw new Error(`Unreachable case: ${JSON.stringify(value)}`);
}
