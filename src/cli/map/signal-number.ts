// Signals by the numbers that a joblog has for them: those that are the same on every system of this kind.

const numbers: { readonly [name: string]: number } = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

/** 0 for none; 127 for one that has no number everywhere. */
export function signalNumber(name: string | null): number {
  return name === null ? 0 : (numbers[name] ?? 127);
}
