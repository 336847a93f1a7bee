// The bounds of shipped commands, each with its unit and the reason for the number.

/** Files that travel with one command: a folder of them is better packed into one. */
export const shippedFileCountMax = 10_000;

/** The longest path that Linux takes, and most systems below it. */
export const shippedPathBytesMax = 4_095;

/** What is run, without its files: a command line that systems take has at most two megabytes. */
export const shippedJsonBytesMax = 4 * 1024 * 1024;

/** Variables that a command brings along. */
export const shippedEnvironmentCountMax = 1_000;

/** Output of a command that travels as a document; more becomes an archive, which is never held in memory. */
export const shippedOutputBytesMax = 32 * 1024;

/** What a command says on its standard error, as far as it is kept: the end, where the reasons stand. */
export const shippedErrorBytesMax = 1024 * 1024;
