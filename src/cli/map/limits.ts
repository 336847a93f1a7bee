// The bounds of `gridlike map` and `gridlike submit`, each with its unit and the reason for the number.

/** The longest argument that Linux hands to a program is 128 KiB; a line may hold some of them. */
export const mapLineBytesMax = 1024 * 1024;

/** A JSON list of jobs, and the standard input of a command: read as a whole before anything is sent. */
export const submitJsonBytesMax = 64 * 1024 * 1024;

/** Jobs of a map that are submitted and not settled: more than a grid's workers hold, few enough to end at once. */
export const mapAheadCountMax = 1_024;

/** Jobs of a map that settle before more are submitted, once the former number is reached: one request takes them all. */
export const mapRefillCount = 128;

/** Results of a map that are fetched at a time. */
export const mapFetchCountMax = 16;

/** Output that a map holds until its turn comes; beyond it results are fetched again from the server. */
export const mapHeldBytesMax = 16 * 1024 * 1024;

/** Until the cancelling of a map's jobs is given up: whoever interrupts it waits no longer. */
export const mapEndMsMax = 5_000;

/** A file that the command itself names, such as its script, travels with every job: larger ones only when asked for. */
export const mapCommandFileBytesMax = 16 * 1024 * 1024;
