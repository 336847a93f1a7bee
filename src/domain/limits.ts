// Every bound of the product that configuration does not set, with its unit and the reason for the number.

/** A key travels in paths and headers; 256 bytes hold any path-like name and stay far below URL limits. */
export const keyBytesMax = 256;

/** A line for people, as the original promised it. */
export const descriptionCharactersMax = 128;

/** A group is named like a key. */
export const groupBytesMax = 256;

/** A media type longer than this is no media type. */
export const contentTypeBytesMax = 255;

/** Jobs of one group that may run at once, as a submission may ask: more than any grid has workers. */
export const groupRunningCountMax = 1_000_000;

/** Each type costs a prepared shape and a line in every listing. */
export const typeCountMax = 1000;

/** A chain longer than this is a mistake in the configuration. */
export const chainDepthMax = 32;

/** Rows in one page of a listing. */
export const pageSizeMax = 1000;
export const pageSizeDefault = 100;

/** Requests that wait for jobs at one time; each costs a timer and a closure. */
export const waiterCountMax = 100_000;

/** Bytes of a blob in one read or write: large enough that system calls do not count, small enough for a thousand at once. */
export const blobChunkBytesMax = 256 * 1024;

/** First wait after a charged failure; doubles with each further one. */
export const backoffMsFirst = 5_000;
export const backoffMsMax = 600_000;

/** Workers a job remembers to have failed on. */
export const avoidedWorkerCountMax = 8;

/** Tries to put a step to a job whose row changed meanwhile; each loss means another mover won. */
export const conflictRetryCountMax = 16;

/** The words of a close travel in a control frame of at most 125 bytes, two of which are the code. */
export const closeReasonBytesMax = 123;

/** What is kept of a failure's sentence and of its logs. */
export const failureInfoCharactersMax = 4_096;
export const failureLogBytesMax = 1024 * 1024;

/** What is kept of a progress note and of a worker's name and id. */
export const progressInfoCharactersMax = 256;
export const workerNameCharactersMax = 128;
export const workerIdCharactersMax = 256;

/** Worker identities remembered for statistics; the oldest unseen ones are dropped beyond it. */
export const workerRecordCountMax = 10_000;

/** Sockets at one time. */
export const socketCountMax = 10_000;

/** Jobs claimed in one round of the dispatcher: one commit carries them all. */
export const claimsPerRoundMax = 256;

/** Jobs and changes carried by one commit. More wait for the next one, so that no commit stalls the loop. */
export const changesPerCommitMax = 1_000;

/** Turns of the event loop that a commit may gather changes for: a turn costs microseconds, a commit hundreds. */
export const gatherTurnCountMax = 8;

/** Longest sleep of the alarm: so late it notices that the wall clock was set, or that the machine slept. */
export const alarmMsMax = 30_000;

/** Rest of a worker's seat after the store or its bytes failed it: attempts cost rows, and disks need time. */
export const dispatchRestMs = 1_000;

/** Until a report of a worker is put again to a store that was full or locked. */
export const reportAgainMs = 1_000;

/** A timer's longest delay: beyond 2^31 - 1 ms runtimes fire at once. */
export const timerMsMax = 2_000_000_000;

/** Failures in a row, over distinct jobs, after which a worker is set aside. */
export const quarantineFailureCount = 5;
export const quarantineJobCount = 3;
export const quarantineMsFirst = 300_000;
export const quarantineMsMax = 3_600_000;

/** A stopped worker stays listed this long, so that a person sees it leave. */
export const departedWorkerMs = 10_000;

/** A body of at most this size arrives within the time that every connection has, even on a slow line. */
export const promptBodyBytesMax = 8 * 1024;

/** Claims of pull workers remembered under a word of theirs; each stands for a running job. */
export const pullClaimCountMax = 100_000;

/** Calls of pull workers that wait for a job at one time; each costs a connection, a timer and a seat. */
export const pullWaiterCountMax = 10_000;

/** A pull worker that has told its result comes back for more within this, unless it has gone home. */
export const pullReturnMs = 1_000;

/** What has arrived of a result is kept this long after its last byte: a night and a working day. */
export const partialUploadMsMax = 86_400_000;

/** How often old parts are looked for. */
export const partialUploadSweepMs = 3_600_000;

/** Events kept in memory for those who follow them: some seconds of a busy grid. Who is further behind reads the store. */
export const eventTailCountMax = 4_096;

/** Further behind than this a follower looks at the jobs anew, which costs less than so many events. */
export const eventReplayCountMax = 1_000_000;

/** Starts of the server whose ids of events are still known; who was away for longer looks at the jobs anew. */
export const eventOriginCountMax = 64;

/** How many jobs before another one are counted; beyond, the number says little. */
export const queueCountMax = 1_000;

/** Files that the collector of blobs looks at before it pauses: some milliseconds of work. */
export const sweepPageSize = 256;
export const sweepPauseMs = 50;

/** Unused blobs taken away in one round of the collector: their names are in memory for as long. */
export const sweepDoomedCountMax = 10_000;

/** Deletions that wait for a backup to end; beyond it the collector sees to the bytes. */
export const deferredDeletionCountMax = 100_000;

/** How often the disk is asked for its room at most: a question costs a system call. */
export const diskLookMs = 1_000;

/** Kept back for the moment when the disk is full: thousands of claims and results fit in. */
export const reserveBytes = 16 * 1024 * 1024;

/** A piece of a database that is being copied: half a millisecond of hashing between two turns of the event loop. */
export const copyChunkBytes = 1024 * 1024;

/** Jobs of a bulk submission that share one commit: enough that its sync to disk hardly counts, few enough for each turn. */
export const submissionsPerCommitMax = 512;

/** Jobs of one page when many are walked over: some milliseconds of work between two turns. */
export const walkPageSize = 256;

/** Time of one request that acts on many jobs; what is left is another request's. */
export const bulkActionMsMax = 20_000;

/** Groups whose pace is known; beyond it those idle for longest are forgotten. */
export const groupPaceCountMax = 1_000;

/** Framed messages: a header is a few fields, a frame is what a socket sends without holding up its others. */
export const frameHeaderBytesMax = 64 * 1024;
export const frameBytesMax = 256 * 1024;
export const frameMessageCountMax = 256;

/** Findings of the database's own check that are told: after some the file is known to be damaged. */
export const databaseFindingsMax = 20;

/** Rows of a stopped database that are looked at at a time, and inline bytes, which may hold a mebibyte each. */
export const copyPageSize = 1_000;
export const copyInlinePageSize = 64;

/** The longest name of one file that the common file systems take. */
export const fileNameBytesMax = 255;

/** Blobs that a backup may lack because the server lacks them: with more the disk is to be looked at first. */
export const backupDamagedCountMax = 10_000;

/** Settled jobs that are looked at, and deleted in one commit, when old ones are taken away; and the pause then. */
export const forgetPageSize = 256;
export const forgetPauseMs = 50;

/** What is told of deleted jobs stays for the newest events, so that who follows them misses none for a moment. */
export const forgottenEventsKeptCount = 10_000;

/** Jobs that one worker runs at a time: more than any machine has processors. */
export const workerSlotCountMax = 1024;

/** Jobs that one worker may hold, running or waiting in its hands: a quarter of a second of the smallest ones. */
export const workerWindowMax = 4096;

/** A worker gives a sign of life this often; silent for three and a half of them it gets nothing new. */
export const heartbeatMs = 10_000;
export const suspectMs = 35_000;

/** The least time before a silent worker's jobs are given to others, however short they ran. */
export const lostMsMin = 30_000;

/** Largest body of a message on a worker's or client's socket; larger bytes travel by HTTP. */
export const frameBodyBytesMax = 64 * 1024;

/** A job's id on a worker, where it becomes part of file names: a UUID has 36 characters. */
export const jobIdCharactersMax = 64;

/** Between asking a job's programs to end and killing them, unless the job says otherwise. */
export const killAfterMsDefault = 5_000;

/** Copies of a program that one runner keeps warm, and hosts of all functions together: some 40 MB each. */
export const warmInstanceCountMax = 256;
export const functionHostCountMax = 64;

/** Largest result that a worker takes from a program, unless its owner says otherwise: what a server takes. */
export const resultBytesMaxDefault = 1024 * 1024 * 1024;

/** Killed processes are gone at once, unless a broken disk or driver holds them: nobody waits longer for those. */
export const killedMsMax = 5_000;

/** First and longest pause between two looks at whether a killed tree is gone. */
export const treeLookMsFirst = 1;
export const treeLookMsMax = 100;

/** Files a program may have open unless it asks for more: what every system starts with, and what select() takes. */
export const jobOpenFilesDefault = 1_024;

/** Jobs kept in memory after they were written, about two kilobytes each, and small bytes of theirs. */
export const recentJobCountMax = 4_096;
export const recentBytesMax = 8 * 1024 * 1024;

/** A job with longer words for people is not kept in memory. */
export const recentNotesCharactersMax = 1_024;

/** A move that a crash may undo waits this long for others to share a commit with. */
export const commitSoonMsMax = 3;

/** Until such moves are put again to a disk that was full or a file that was locked. */
export const commitAgainMs = 500;

/** A worker's socket says who it is within this, or is closed: it holds a place of others. */
export const helloMsMax = 10_000;

/** A worker that lives answers a ping within this. */
export const pongMsMax = 2_000;

/** How often silent workers are looked for. */
export const silenceLookMs = 5_000;

/** Nobody is lost before this much after a start: workers need a while to find the server again. */
export const lostMsMinAfterStart = 120_000;

/** A job on its way to a worker is slower than this only when it does not arrive at all. */
export const deliveryFloorBytesPerSecond = 16 * 1024;

/** Reports of one worker that are being written; above it nothing more is read from its socket for a while. */
export const reportsUnderWayCountMax = 8_192;
export const reportsUnderWayBytesMax = 8 * 1024 * 1024;

/** When a server that stops wants its workers back: a restart takes a second or two. */
export const restartRetryMs = 1_000;

/** What is kept of what a running job says, and of all of them together; older bytes make room. */
export const liveLogBytesMax = 256 * 1024;
export const liveLogsBytesMax = 64 * 1024 * 1024;

/** What is kept of the names of a worker's machine and program. */
export const machineWordCharactersMax = 128;

/** What a job requires of its worker, as text: 32 tags of full length fit in, and an id. */
export const requiresCharactersMax = 4096;

/** More than any machine has, so that sums stay far from the end of the numbers. */
export const requiredCpuCountMax = 65_536;
export const requiredGpuCountMax = 65_536;

/** Tags of one worker, and of one job that asks for them: words for people, not data. */
export const tagCountMax = 32;
export const tagCharactersMax = 64;

/** Free workers that are compared for one job: beyond a few dozen the best of them is as good as the best of all. */
export const comparedSeatCountMax = 64;

/** Jobs that one client socket follows, and all of them together; each costs some 500 bytes. */
export const clientWatchCountMax = 65_536;
export const watchedJobCountMax = 500_000;

/** Groups that one client socket follows at a time: each is a walk over all its jobs at first. */
export const clientGroupWatchCountMax = 64;

/** Jobs that one message may name: ids of that many fit into a header. */
export const watchNameCountMax = 1_000;

/** How often progress is told to those who follow it: people read it. */
export const progressTellMs = 500;

/** Looks at a job that keeps changing while somebody begins to follow it. */
export const presentLookCountMax = 16;
