// How a command ended, in a sentence for people, when its worker has none.

export function describeEnd({
  exitCode,
  signal,
}: {
  readonly exitCode: number | null;
  readonly signal: string | null;
}): string | null {
  if (signal !== null) return `The command ended with signal ${signal}.`;
  return exitCode === null ? null : `The command ended with exit code ${exitCode}.`;
}
