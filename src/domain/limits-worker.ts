// Bounds of the worker agent and its runners, with units and the reason for each number.

/** A worker that lost its server comes back after a random part of this, doubled with each try that failed. */
export const reconnectMsFirst = 500;
export const reconnectMsMax = 60_000;

/** The longest pause that a server may ask of a worker: beyond it the worker looks for itself. */
export const reconnectAfterMsMax = 600_000;

/** Until an upgrade is answered: a cable that was cut says nothing. */
export const connectMsMax = 20_000;

/** A quiet link is asked for a sign of life after this, and given up after `suspectMs`. */
export const quietLinkMs = 10_000;

/** What a socket may have taken and not sent before more is held back, and how often that is looked at. */
export const linkBufferedBytesMax = 4 * 1024 * 1024;
export const linkLookMs = 20;

/** What is held back for a socket; a server that takes nothing for so long is as good as gone. */
export const linkQueuedBytesMax = 64 * 1024 * 1024;

/** Attempts named in one beat: up to 85 bytes each, and a header has 64 KiB. */
export const beatHoldingCountMax = 500;

/** First wait before an outcome is offered again that a server could not take for the moment; doubles. */
export const deliverAgainMsFirst = 1_000;
export const deliverAgainMsMax = 60_000;

/** Times that a result is offered whose bytes do not fit their hash on arrival; then it is told as a failure. */
export const damagedDeliveryCountMax = 3;

/** Results and failures that wait on a worker's disk for their receipts; with more it takes no new jobs. */
export const spoolBytesMax = 2 * 1024 * 1024 * 1024;

/** Outcomes written to the spool at one time, and read from it: disks like a few, and memory holds them. */
export const spoolWriteCountMax = 4;
export const spoolReadCountMax = 4;

/** Large payloads and results on their way at one time: each fills a line on its own. */
export const transferCountMax = 4;

/** Tries in a row of a transfer that brought no byte; then the worker cannot do this job. */
export const transferTryCountMax = 10;
export const transferAgainMsFirst = 500;
export const transferAgainMsMax = 30_000;

/** A transfer in which nothing moves for so long is begun again where it stopped. */
export const transferStallMs = 60_000;

/** Until the answer to a sent result comes: the server reads large ones once more before it answers. */
export const transferAnswerMsMax = 600_000;

/** What of a stranger's answer is read for its sentence. */
export const transferAnswerBytesMax = 64 * 1024;

/** A job is told to have started once it ran for this long: shorter ones are known by their end. */
export const startedMsMin = 1_000;

/** How often what running jobs say is passed on, and a job's progress at most. */
export const agentPulseMs = 250;
export const progressMsMin = 1_000;

/** What of a job's stream waits to be passed on, and what all of a worker's jobs may keep together. */
export const jobLogBytesMax = 1024 * 1024;
export const jobLogsBytesMax = 64 * 1024 * 1024;

/** The end of a job's standard error that travels with its failure. */
export const failureTailBytesMax = 32 * 1024;

/** A worker whose disk was full looks again after this. */
export const spaceRestMs = 30_000;

/** How long a worker that ends waits for the receipts of what it has done; and when it must leave at once. */
export const deliverMsMax = 30_000;
export const preemptMsMax = 5_000;

/** Agents of one user on one machine for one server. */
export const agentFolderCountMax = 1_000;

/** A warm program gets this long to take connections: interpreters with large models load for some seconds. */
export const warmStartMsMax = 30_000;

/** How often a program that starts is asked whether it takes connections. */
export const warmLookMs = 50;

/** Rest before a warm program that ended is started again; doubles with each end in a row, forgotten after a steady life. */
export const restartMsFirst = 200;
export const restartMsMax = 10_000;
export const steadyLifeMs = 30_000;

/** Ends in a row after which jobs are told of them instead of waiting for the next start. */
export const crashesInRowMax = 3;

/** What is kept of the output of a warm program, and what of it goes into a failure's sentence. */
export const warmOutputBytesMax = 64 * 1024;
export const lastWordsBytesMax = 2 * 1024;

/** Output that is still under way when its program has ended: what a child of it holds open is not waited for. */
export const outputAfterEndMs = 500;

/** Turns of the event loop until output that came with an answer is read: with one, a few in a thousand were missed. */
export const outputTurnCount = 4;

/** A connection that broke is taken for the end of its program when that is seen within this. */
export const crashNoticeMs = 1_000;

/** A warm program gets this long to end when its runner closes; then it is killed. */
export const warmStopMs = 5_000;

/** How often the memory of a warm program is held against its bound. */
export const memoryLookMs = 1_000;

/** Jobs remembered to have been in flight when a service ended; the oldest are forgotten beyond it. */
export const crashWitnessCountMax = 1_000;

/** Files that a function has loaded and that are looked at for changes: its own, not those of its packages. */
export const watchedFileCountMax = 256;

/** A result up to this size stays in memory; a larger one goes to a file while it comes. */
export const resultMemoryBytesMax = 64 * 1024;

/** A program that has ended may have left its output to others, such as `> >(gzip)`: they get this long to end it. */
export const outputDrainMsMax = 2_000;

/** Until output is given up that somebody outside of the job keeps open, after all of the job was killed. */
export const outputCloseMsMax = 200;

/** How often dead orphans of running jobs are buried, and the size of their result files is looked at. */
export const treeRoundMs = 1_000;

/** The body of a note: a number and a line, with room for JSON's way of writing them. */
export const noteBytesMax = 16 * 1024;

/** Until a driver has told its graphics cards: one that is stuck must not hold up the start. */
export const graphicsMsMax = 2_000;

/** Processors of which a worker tells how busy each is. */
export const vitalsCpuCountMax = 1_024;

/** A payload that is handed over as text or JSON is held in memory a few times over. */
export const payloadTextBytesMax = 256 * 1024 * 1024;
