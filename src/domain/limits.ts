// Every bound of the product that configuration does not set, with its unit and the reason for the number.

/** A key travels in paths and headers; 256 bytes hold any path-like name and stay far below URL limits. */
export const keyBytesMax = 256;

/** A line for people, as the original promised it. */
export const descriptionCharactersMax = 128;

/** Labels are for filtering, not for data. */
export const labelsBytesMax = 16 * 1024;

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

/** Longest a request is kept open for a job to settle; below the idle limits of common proxies. */
export const waitMsMax = 60_000;

/** Requests that wait for jobs at one time; each costs a timer and a closure. */
export const waiterCountMax = 100_000;

/** Parts of one multipart submission: payload, key, priority and the options, with room to spare. */
export const multipartPartCountMax = 16;

/** Header block of one multipart part. */
export const multipartHeaderBytesMax = 16 * 1024;

/** A form field is a key, a number or a label object. */
export const formFieldBytesMax = 64 * 1024;

/** Bytes of a blob in one read or write: large enough that system calls do not count, small enough for a thousand at once. */
export const blobChunkBytesMax = 256 * 1024;

/** First wait after a charged failure; doubles with each further one. */
export const backoffMsFirst = 5_000;
export const backoffMsMax = 600_000;

/** Workers a job remembers to have failed on. */
export const avoidedWorkerCountMax = 8;

/** Tries to put a step to a job whose row changed meanwhile; each loss means another mover won. */
export const conflictRetryCountMax = 16;

/** Frames of an unregistered classic socket: a registration is a name, an id and a token. */
export const unregisteredFrameBytesMax = 64 * 1024;

/** Unregistered classic sockets per address. */
export const unregisteredSocketCountMax = 64;

/** A text frame of the classic protocol: a failure report with logs is the largest. */
export const classicTextBytesMax = 2 * 1024 * 1024;

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

/** A body of at most this size arrives within the time that every connection has, even on a slow line. */
export const promptBodyBytesMax = 8 * 1024;

/** Attempts and running times that a submission may ask for. */
export const attemptCountMax = 1000;
export const timeoutMsMax = 365 * 86_400_000;

/** Deadline of a request, and rest of a connection: short for strangers, longer than the stock of common proxies. */
export const idleSecondsMax = 10;
export const proxiedIdleSecondsMax = 75;

/** Deadline of answers with up to a few megabytes, so that a slow line can take them. */
export const longAnswerSecondsMax = 60;

/** Service managers kill 30 s and more after asking; a server that has not stopped by then ends itself. */
export const stopMsMax = 25_000;

/** Claims of pull workers remembered under a word of theirs; each stands for a running job. */
export const pullClaimCountMax = 100_000;

/** Calls of pull workers that wait for a job at one time; each costs a connection, a timer and a seat. */
export const pullWaiterCountMax = 10_000;

/** A pull worker that has told its result comes back for more within this, unless it has gone home. */
export const pullReturnMs = 1_000;

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

/** What has arrived of a result is kept this long after its last byte: a night and a working day. */
export const partialUploadMsMax = 86_400_000;

/** How often old parts are looked for. */
export const partialUploadSweepMs = 3_600_000;

/** Bounds of a pull worker's lease: shorter is lost to a slow network, longer hides a dead worker for a day. */
export const leaseMsMin = 1_000;
export const leaseMsMax = 86_400_000;

/** Events kept in memory for those who follow them: some seconds of a busy grid. Who is further behind reads the store. */
export const eventTailCountMax = 4_096;

/** Events of one read for a follower: about a hundred kilobytes of text. */
export const eventPageSizeMax = 256;

/** Further behind than this a follower looks at the jobs anew, which costs less than so many events. */
export const eventReplayCountMax = 1_000_000;

/** Starts of the server whose ids of events are still known; who was away for longer looks at the jobs anew. */
export const eventOriginCountMax = 64;

/** Requests that follow events or logs at one time; each costs a page of text and room in the kernel. */
export const followerCountMax = 1_000;

/** A follower hears something at least this often, so that neither side nor a proxy between takes silence for an end. */
export const followerBeatMs = 15_000;

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

/** Jobs of one page when many are walked over: some milliseconds of work between two turns. */
export const walkPageSize = 256;

/** Time of one request that acts on many jobs; what is left is another request's. */
export const bulkActionMsMax = 20_000;

/** The body of a request that names a filter. */
export const filterBytesMax = 64 * 1024;

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

/** Between asking a job's programs to end and killing them, unless the job says otherwise. */
export const killAfterMsDefault = 5_000;

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

/** Running jobs of a worker that a service manager ends: well below the 90 s after which systemd kills. */
export const serviceDrainMs = 30_000;

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

/** Copies of a program that one runner keeps warm, and hosts of all functions together: some 40 MB each. */
export const warmInstanceCountMax = 256;
export const functionHostCountMax = 64;

/** Files that a function has loaded and that are looked at for changes: its own, not those of its packages. */
export const watchedFileCountMax = 256;

/** A result up to this size stays in memory; a larger one goes to a file while it comes. */
export const resultMemoryBytesMax = 64 * 1024;

/** Largest result that a worker takes from a program, unless its owner says otherwise: what a server takes. */
export const resultBytesMaxDefault = 1024 * 1024 * 1024;

/** A program that has ended may have left its output to others, such as `> >(gzip)`: they get this long to end it. */
export const outputDrainMsMax = 2_000;

/** Until output is given up that somebody outside of the job keeps open, after all of the job was killed. */
export const outputCloseMsMax = 200;

/** Killed processes are gone at once, unless a broken disk or driver holds them: nobody waits longer for those. */
export const killedMsMax = 5_000;

/** First and longest pause between two looks at whether a killed tree is gone. */
export const treeLookMsFirst = 1;
export const treeLookMsMax = 100;

/** How often dead orphans of running jobs are buried, and the size of their result files is looked at. */
export const treeRoundMs = 1_000;

/** Files a program may have open unless it asks for more: what every system starts with, and what select() takes. */
export const jobOpenFilesDefault = 1_024;

/** The body of a note: a number and a line, with room for JSON's way of writing them. */
export const noteBytesMax = 16 * 1024;

/** Until the agent has answered a note: it only writes it down. */
export const noteMsMax = 5_000;

/** Until a driver has told its graphics cards: one that is stuck must not hold up the start. */
export const graphicsMsMax = 2_000;

/** Processors of which a worker tells how busy each is. */
export const vitalsCpuCountMax = 1_024;

/** A payload that is handed over as text or JSON is held in memory a few times over. */
export const payloadTextBytesMax = 256 * 1024 * 1024;

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

/** Bytes on their way to a worker above which it gets no more jobs until it has read some. */
export const workerBehindBytes = 1024 * 1024;

/** Bytes that may wait for a worker that does not read: one round of jobs with the largest bodies, and some. */
export const workerBacklogBytesMax = 32 * 1024 * 1024;

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

/** Submissions of one client socket that are not answered yet; above it nothing more is read from it for a while. */
export const clientSubmitCountMax = 4_096;
export const clientSubmitBytesMax = 16 * 1024 * 1024;

/** Jobs that one client socket follows, and all of them together; each costs some 500 bytes. */
export const clientWatchCountMax = 65_536;
export const watchedJobCountMax = 500_000;

/** Groups that one client socket follows at a time: each is a walk over all its jobs at first. */
export const clientGroupWatchCountMax = 64;

/** Jobs that one message may name: ids of that many fit into a header. */
export const watchNameCountMax = 1_000;

/** Bytes on their way to a client above which results stay behind, and it is heard again when it has read some. */
export const clientBehindBytes = 4 * 1024 * 1024;

/** Bytes that may wait for a client that does not read; then it is let go. */
export const clientBacklogBytesMax = 16 * 1024 * 1024;

/** A socket that is closed for being slow gets this long to take the words of the close. */
export const slowCloseMsMax = 2_000;

/** How often progress is told to those who follow it: people read it. */
export const progressTellMs = 500;

/** Looks at a job that keeps changing while somebody begins to follow it. */
export const presentLookCountMax = 16;

/** Options of submissions that are remembered as read: programs say the same ones over and over. */
export const knownOptionsCountMax = 64;
