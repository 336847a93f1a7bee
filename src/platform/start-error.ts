// Why a program cannot start, in a sentence for the person at the terminal: the thing, what is wrong with it,
// the remedy. Apart from GridError because no request is there to answer and paths may be told.

/** 2: the command or the configuration must change. 3: something on the machine must. */
export type StartExitCode = 2 | 3;

export class StartError extends Error {
  constructor(
    readonly exitCode: StartExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "StartError";
  }
}
