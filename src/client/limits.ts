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
