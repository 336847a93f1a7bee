// The bounds of the client library, each with its unit and the reason for the number.

/** Tries of the client after the first: with full jitter about half a minute, longer than a server needs to restart. */
export const clientRetryCountMax = 8;
export const clientRetryMsFirst = 250;
export const clientRetryMsMax = 20_000;

/** A server that asks for more patience than this is not waited for: its caller decides. */
export const clientRetryAfterMsMax = 120_000;

/** Longest the client waits for the head of an answer that needs no upload; a cable that was cut says nothing. */
export const clientAnswerMsMax = 30_000;

/** Bytes and events that stop for this long are asked for again where they stopped. */
export const clientStallMsMax = 60_000;

/** One question of the client for a job to settle; below the idle limits of common proxies. */
export const clientWaitMsMax = 30_000;

/** Shortest question of that kind, and how long a round over many jobs may take when they share few questions. */
export const clientWaitMsMin = 500;
export const clientWaitRoundMs = 10_000;

/** Requests of one call at a time: the default fills a server's group commit, the most spares its sockets. */
export const clientConcurrencyDefault = 16;
export const clientConcurrencyMax = 256;

/** Keys that are waited for by one call; more are taken from their source as these settle. */
export const clientPendingCountMax = 100_000;

/** Jobs and bytes of one bulk request, and the largest payload that travels in one: others go alone. */
export const clientBulkJobCountMax = 256;
export const clientBulkBytesMax = 1024 * 1024;
export const clientBulkPayloadBytesMax = 64 * 1024;

/** One event of the feed, before its end is seen. */
export const clientEventCharactersMax = 1024 * 1024;

/** What of a stranger's sentence becomes the message of an error. */
export const clientMessageCharactersMax = 4_096;

/** A connection from which nothing came for this long is asked for a sign of life, and given up after the latter. */
export const clientQuietMs = 15_000;
export const clientSilentMsMax = 40_000;

/** Until a connection stands and the server has said who it is. */
export const clientConnectMsMax = 20_000;

/** A server that does not answer the words of a close is left behind. */
export const clientCloseMsMax = 3_000;

/** Jobs that one message asks to follow: their ids take 40 bytes each, and a header has 64 KiB. */
export const clientFollowCountMax = 500;

/** News of a watch that its reader has not taken yet; results among them beyond the latter are fetched again. */
export const clientNewsCountMax = 100_000;
export const clientNewsBytesMax = 64 * 1024 * 1024;

/** Jobs of a group of which the last news is remembered, so that a new connection does not tell it twice. */
export const clientToldCountMax = 100_000;

/** Results that are fetched by requests of their own at a time, because they are too large for the connection. */
export const clientFetchCountMax = 16;
