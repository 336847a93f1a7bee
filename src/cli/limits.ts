// The bounds of the command line, each with its unit and the reason for the number.

/** Job numbers that one word may stand for: each is a request of its own. */
export const selectorNumbersMax = 100_000;

/** Requests of one command at a time: enough to fill the server's commits, few enough for its sockets. */
export const commandConcurrency = 16;

/** Jobs of one page when many are listed: the most that the API gives. */
export const listPageSize = 1000;

/** Lines of `gridlike ls` unless told otherwise: about a screen. */
export const listCountDefault = 40;

/** Newest jobs that are looked at to find out which groups there are: some pages, a second at most. */
export const groupScanCountMax = 10_000;

/** Groups that are told of, newest first: each is a request. */
export const groupCountDefault = 20;

/** How often a bar is drawn, and the share of the time that asking for its figures may take. */
export const progressMs = 500;
export const progressRestFactor = 4;

/** Failed jobs that are told one by one; the others are counted. */
export const toldFailuresMax = 20;

/** A server ends itself within 25 seconds of being asked; then it is not stopping. */
export const serverStopMsMax = 40_000;
export const serverStopLookMs = 50;

/** Service managers kill 30 s and more after asking; a server that has not stopped by then ends itself. */
export const stopMsMax = 25_000;

/** Running jobs of a worker that a service manager ends: well below the 90 s after which systemd kills. */
export const serviceDrainMs = 30_000;

/** Until the agent has answered a note: it only writes it down. */
export const noteMsMax = 5_000;
