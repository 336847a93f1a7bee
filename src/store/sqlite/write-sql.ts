// Every statement that changes the database. One constant each; named parameters; no rules.
// In conditions a value is bound as +$value: see read-sql.ts.

export const BEGIN = "BEGIN IMMEDIATE";
/** Several reads of one state of the file; they also share the cost of its locks, which is half of a read. */
export const BEGIN_READ = "BEGIN DEFERRED";
export const COMMIT = "COMMIT";
export const ROLLBACK = "ROLLBACK";

export const INSERT_JOB = `
INSERT INTO job (seq, id, key, type, class, batch, payload, content_type, description, job_group,
  labels, options, from_id, submitted_at)
VALUES ($seq, $id, $key, $type, $class, $batch, $payload, $contentType, $description, $group,
  $labels, $options, $fromId, $submittedAt)
ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING
ON CONFLICT (id) DO NOTHING`;

export const INSERT_JOB_STATE = `
INSERT INTO job_state (seq, revision, state, class, penalty, shape, ready_at, queued, held, attempt,
  failures, crashes, retried_after, deadline_at, event)
VALUES ($seq, 0, 0, $class, 0, $shape, $readyAt, $queued, $held, 0, 0, 0, 0, $deadlineAt, $event)`;

export const UPDATE_JOB_STATE = `
UPDATE job_state
SET revision = $revision, state = $state, penalty = $penalty, ready_at = $readyAt, queued = $queued,
  held = $held, attempt = $attempt, failures = $failures, crashes = $crashes,
  retried_after = $retriedAfter, event = $event
WHERE seq = +$seq AND revision = +$from`;

/** Jobs whose time has come join the queue. */
export const QUEUE_DUE = `
UPDATE job_state INDEXED BY job_state_waiting SET queued = 1
WHERE state = 0 AND queued = 0 AND held = 0 AND ready_at <= +$at`;

export const INSERT_ATTEMPT = `
INSERT INTO attempt (seq, n, worker, token_hash, lease_ms, started_at)
VALUES ($seq, $n, $worker, $tokenHash, $leaseMs, $startedAt)`;

export const INSERT_EVENT = `
INSERT INTO event (seq, job, at, change, state, attempt, worker, reason, info, avoid)
VALUES ($seq, $job, $at, $change, $state, $attempt, $worker, $reason, $info, $avoid)`;

export const INSERT_DELETED = `
INSERT INTO deleted (event, id, key, type) VALUES ($event, $id, $key, $type)`;

export const INSERT_RESULT = `
INSERT INTO result (seq, blob, attempt, content_type) VALUES ($seq, $blob, $attempt, $contentType)`;

export const INSERT_LOG = `INSERT INTO log (job, attempt, text) VALUES ($job, $attempt, $text)`;

export const INSERT_BLOB = `
INSERT INTO blob (id, sha256, size, name, bytes) VALUES ($id, $sha256, $size, $name, $bytes)`;

/** A blob goes when nothing refers to it any more. */
export const DELETE_UNUSED_BLOB = `
DELETE FROM blob
WHERE id = +$id
  AND NOT EXISTS (SELECT 1 FROM job WHERE payload = +$id)
  AND NOT EXISTS (SELECT 1 FROM result WHERE blob = +$id)
RETURNING name, size`;

export const DELETE_LOGS = `DELETE FROM log WHERE job = +$seq`;
export const DELETE_RESULT = `DELETE FROM result WHERE seq = +$seq`;
export const DELETE_ATTEMPTS = `DELETE FROM attempt WHERE seq = +$seq`;
export const DELETE_EVENTS = `DELETE FROM event WHERE job = +$seq`;
export const DELETE_JOB_STATE = `DELETE FROM job_state WHERE seq = +$seq`;
export const DELETE_JOB = `DELETE FROM job WHERE seq = +$seq`;

export const INSERT_TYPE = `
INSERT INTO type (name, batch, batch_count) VALUES ($name, 0, 0) RETURNING id`;
export const INSERT_SHAPE = `
INSERT INTO shape (type, requires) VALUES ($type, $requires) RETURNING id`;
export const DELETE_SHAPE = `DELETE FROM shape WHERE id = +$id`;
export const UPDATE_TYPE = `
UPDATE type SET batch = $batch, batch_count = $batchCount WHERE id = +$id`;

export const ADD_GROUP_COUNT = `
UPDATE group_count SET count = count + $by WHERE job_group = +$group AND state = +$state`;
export const INSERT_GROUP_COUNT = `
INSERT INTO group_count (job_group, state, count) VALUES ($group, $state, $by)`;
/** A group without jobs is none. */
export const DELETE_EMPTY_GROUP = `
DELETE FROM group_count
WHERE job_group = +$group AND NOT EXISTS (SELECT 1 FROM job WHERE job_group = +$group)`;

export const INSERT_WORKER = `
INSERT INTO worker (worker_id, name) VALUES ($workerId, $name) RETURNING id`;

export const UPSERT_WORKER_RECORD = `
INSERT INTO worker_record (worker_id, name, first_seen_at, last_seen_at, done_count, failed_count)
VALUES ($id, $name, $firstSeenAt, $lastSeenAt, $doneCount, $failedCount)
ON CONFLICT (worker_id) DO UPDATE SET name = excluded.name, first_seen_at = excluded.first_seen_at,
  last_seen_at = excluded.last_seen_at, done_count = excluded.done_count,
  failed_count = excluded.failed_count`;

/** Those not seen for longest are forgotten first. */
export const DELETE_OLDEST_WORKER_RECORDS = `
DELETE FROM worker_record WHERE worker_id IN (
  SELECT worker_id FROM worker_record ORDER BY last_seen_at, worker_id LIMIT +$count)`;

/** Workers that no attempt and no event of a deleted job refers to. */
export const DELETE_UNUSED_WORKERS = `
DELETE FROM worker
WHERE NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.worker = worker.id)
  AND NOT EXISTS (SELECT 1 FROM event
    WHERE event.worker = worker.id AND event.change = 14 AND event.worker IS NOT NULL)`;

export const UPSERT_SETTING = `
INSERT INTO setting (name, value) VALUES ($name, $value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value`;

export const UPDATE_COUNTERS = `
UPDATE counter SET job = $job, event = $event, blob = $blob, bytes = $bytes WHERE id = 1`;
export const UPDATE_OPEN = `UPDATE counter SET is_open = $isOpen WHERE id = 1`;
