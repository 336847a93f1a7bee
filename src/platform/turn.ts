// The end of the current turn of the event loop: where the work of one turn is gathered into one commit.

/** Calls once after the input of this turn has been handled. */
export type AtEndOfTurn = (call: () => void) => void;

export const atEndOfTurn: AtEndOfTurn = (call) => {
  setImmediate(call);
};
