// The bounds of `gridlike top`, each with its unit and the reason for the number.

/** How often the server is asked and the screen drawn: as often as a person looks. */
export const topMs = 1000;

/** An overview that the server has not renewed for this long is said to be old: two looks may well be missed. */
export const topSilentMs = 5_000;

/** Groups that are asked for at each look: each is a request. */
export const topGroupCountMax = 12;

/** Names of groups that wait for their turn to be asked for: beyond it nobody follows them by eye. */
export const topGroupNamesMax = 200;

/** Failures that are remembered: more than a screen shows. */
export const topFailureCountMax = 100;

/** Newest failed jobs that are looked up at the start, and shown where nothing bounds the height. */
export const topFailureCountFirst = 10;

/** Open jobs that are looked through for groups at the start: one page of each kind. */
export const topOpenJobCountMax = 1000;
