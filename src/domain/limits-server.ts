// Bounds of the doors: requests, bodies, answers and sockets, with units and the reason for each number.

/** Labels are for filtering, not for data. */
export const labelsBytesMax = 16 * 1024;

/** Longest a request is kept open for a job to settle; below the idle limits of common proxies. */
export const waitMsMax = 60_000;

/** Parts of one multipart submission: payload, key, priority and the options, with room to spare. */
export const multipartPartCountMax = 16;

/** Header block of one multipart part. */
export const multipartHeaderBytesMax = 16 * 1024;

/** A form field is a key, a number or a label object. */
export const formFieldBytesMax = 64 * 1024;

/** Frames of an unregistered classic socket: a registration is a name, an id and a token. */
export const unregisteredFrameBytesMax = 64 * 1024;

/** Unregistered classic sockets per address. */
export const unregisteredSocketCountMax = 64;

/** A text frame of the classic protocol: a failure report with logs is the largest. */
export const classicTextBytesMax = 2 * 1024 * 1024;

/** Pings keep connections open through address translation. */
export const pingIntervalMs = 20_000;

/** Uploads get this long to finish when the server stops. */
export const shutdownMsMax = 20_000;

/** An address holds a key, a type and some filters, all of them bounded. */
export const requestUrlBytesMax = 8 * 1024;

/** A transfer slower than this over the whole window is cut off: it would hold its place for days. */
export const transferFloorBytesPerSecond = 1024;
export const transferFloorWindowMs = 60_000;

/** Longest upload: what takes longer does not get through at all, and cannot be continued. */
export const uploadMsMax = 6 * 3_600_000;

/** A body of at most this declared size is read in one go, which is twice as fast as in pieces. */
export const wholeBodyBytesMax = 64 * 1024;

/** Attempts and running times that a submission may ask for. */
export const attemptCountMax = 1000;
export const timeoutMsMax = 365 * 86_400_000;

/** Deadline of a request, and rest of a connection: short for strangers, longer than the stock of common proxies. */
export const idleSecondsMax = 10;
export const proxiedIdleSecondsMax = 75;

/** Deadline of answers with up to a few megabytes, so that a slow line can take them. */
export const longAnswerSecondsMax = 60;

/** A word under which a call may be repeated: a few dozen random characters are plenty. */
export const claimWordCharactersMax = 128;

/** A pull worker's lease when it asks for none. */
export const leaseMsDefault = 600_000;

/** How long a pull worker's call waits for a job when it does not say. */
export const pullWaitMsDefault = 30_000;

/** The body of a pull worker's report: a sentence and logs, with room for JSON's way of writing them. */
export const reportBytesMax = 2 * 1024 * 1024;

/** Results that arrive in parts at one time; each is a file, and a line in memory. */
export const partialUploadCountMax = 10_000;

/** Bounds of a pull worker's lease: shorter is lost to a slow network, longer hides a dead worker for a day. */
export const leaseMsMin = 1_000;
export const leaseMsMax = 86_400_000;

/** Events of one read for a follower: about a hundred kilobytes of text. */
export const eventPageSizeMax = 256;

/** Requests that follow events or logs at one time; each costs a page of text and room in the kernel. */
export const followerCountMax = 1_000;

/** A follower hears something at least this often, so that neither side nor a proxy between takes silence for an end. */
export const followerBeatMs = 15_000;

/** Bytes of payloads that a bulk submission gathers for one commit, so that large ones do not pile up in memory. */
export const submissionBytesPerCommitMax = 1024 * 1024;

/** One line of a bulk submission, and the body of one message in it: larger payloads travel in a form or alone. */
export const bulkLineBytesMax = 2 * 1024 * 1024;
export const bulkBodyBytesMax = 1024 * 1024;

/** Answer lines kept for a client that sends before it reads: about 150,000 jobs of one request. */
export const bulkAnswerBytesMax = 16 * 1024 * 1024;

/** The same for all requests together; beyond it each may keep only so much. */
export const bulkAnswersBytesMax = 64 * 1024 * 1024;
export const bulkAnswerBytesMin = 64 * 1024;

/** The body of a request that names a filter. */
export const filterBytesMax = 64 * 1024;

/** Bytes on their way to a worker above which it gets no more jobs until it has read some. */
export const workerBehindBytes = 1024 * 1024;

/** Bytes that may wait for a worker that does not read: one round of jobs with the largest bodies, and some. */
export const workerBacklogBytesMax = 32 * 1024 * 1024;

/** Submissions of one client socket that are not answered yet; above it nothing more is read from it for a while. */
export const clientSubmitCountMax = 4_096;
export const clientSubmitBytesMax = 16 * 1024 * 1024;

/** Bytes on their way to a client above which results stay behind, and it is heard again when it has read some. */
export const clientBehindBytes = 4 * 1024 * 1024;

/** Bytes that may wait for a client that does not read; then it is let go. */
export const clientBacklogBytesMax = 16 * 1024 * 1024;

/** A socket that is closed for being slow gets this long to take the words of the close. */
export const slowCloseMsMax = 2_000;

/** Options of submissions that are remembered as read: programs say the same ones over and over. */
export const knownOptionsCountMax = 64;
