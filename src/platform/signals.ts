// Requests to stop, from a terminal or a service manager. The first is a wish, the second an order.
// A hang-up is left to the system, so that `nohup` keeps its meaning.

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

export type StopSignal = keyof typeof signals;

/** Calls once when the process is asked to stop. Asked again, the process ends at once. */
export function onStopSignal(call: (signal: StopSignal) => void): void {
  let isAsked = false;
  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      if (isAsked) process.exit(code);
      isAsked = true;
      call(signal as StopSignal); // The keys of `signals` are its only names.
    });
  }
}

/** Calls each time the process is asked to stop, with how often that was so far. Nothing ends by itself. */
export function onEveryStopSignal(call: (signal: StopSignal, count: number) => void): void {
  let count = 0;
  for (const signal of Object.keys(signals)) {
    process.on(signal, () => {
      count += 1;
      call(signal as StopSignal, count); // The keys of `signals` are its only names.
    });
  }
}
