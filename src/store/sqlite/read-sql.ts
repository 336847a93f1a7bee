// Every statement that reads. Searches answer with numbers; one statement turns a number into a job.
// In conditions a value is bound as +$value: for a bare one the planner looks at the value, and SQLite then
// plans the statement anew each time another is bound, which made reading a job seven times as slow.

/** The columns of JobRow in job-row.ts. */
const JOB_COLUMNS = `
SELECT j.seq, j.id, j.key, j.type, j.class, j.batch, j.content_type, j.description, j.job_group,
  j.labels, j.options, j.from_id, j.submitted_at,
  p.id AS payload, p.sha256 AS payload_sha256, p.size AS payload_size, p.name AS payload_name,
  s.revision, s.state, s.penalty, s.ready_at, s.held, s.attempt, s.failures, s.crashes,
  s.retried_after, e.at AS changed_at, e.reason, e.info, e.avoid,
  a.token_hash, a.lease_ms, a.started_at, w.worker_id, w.name AS worker_name,
  r.attempt AS result_attempt, r.content_type AS result_content_type,
  b.id AS result, b.sha256 AS result_sha256, b.size AS result_size, b.name AS result_name
FROM job AS j
CROSS JOIN job_state AS s ON s.seq = j.seq
CROSS JOIN blob AS p ON p.id = j.payload
CROSS JOIN event AS e ON e.seq = s.event
LEFT JOIN attempt AS a ON a.seq = s.seq AND a.n = s.attempt
LEFT JOIN worker AS w ON w.id = a.worker
LEFT JOIN result AS r ON r.seq = j.seq
LEFT JOIN blob AS b ON b.id = r.blob`;

export const JOB_BY_SEQ = `${JOB_COLUMNS} WHERE j.seq = +$seq`;
export const SEQ_BY_ID = `SELECT seq FROM job WHERE id = +$id`;
export const SEQ_BY_KEY = `SELECT seq FROM job WHERE key = +$key`;
/** A job whose key is its own id. */
export const SEQ_BY_ID_AS_KEY = `SELECT seq FROM job WHERE id = +$id AND key IS NULL`;

/** What a save must know of the row it replaces. */
export const STATE_AT_REVISION = `
SELECT state, shape FROM job_state WHERE seq = +$seq AND revision = +$revision`;

export const REMOVABLE = `
SELECT j.id, j.key, j.type, j.job_group, j.payload, s.state, s.shape,
  r.blob AS result
FROM job AS j
CROSS JOIN job_state AS s ON s.seq = j.seq
LEFT JOIN result AS r ON r.seq = j.seq
WHERE j.seq = +$seq AND s.revision = +$revision`;

// The hot questions name their index: left to itself the planner reads all pending jobs for some of them.

/** The next jobs of a shape to give out: immediate before batch, then fewest failures, then oldest. */
export const READY = `
SELECT class, penalty, seq FROM job_state INDEXED BY job_state_ready
WHERE shape = +$shape AND queued = 1 AND ready_at <= +$at
  AND (deadline_at IS NULL OR deadline_at > +$at)
ORDER BY class, penalty, seq LIMIT +$limit`;

export const IS_DUE_TO_QUEUE = `
SELECT 1 AS due FROM job_state INDEXED BY job_state_waiting
WHERE state = 0 AND queued = 0 AND held = 0 AND ready_at <= +$at LIMIT 1`;

export const OVERDUE = `
SELECT seq FROM job_state INDEXED BY job_state_deadline
WHERE state = 0 AND deadline_at IS NOT NULL AND deadline_at <= +$at
ORDER BY deadline_at, seq LIMIT +$limit`;

export const NEXT_READY_AT = `
SELECT MIN(ready_at) AS at FROM job_state INDEXED BY job_state_waiting
WHERE state = 0 AND queued = 0 AND held = 0 AND ready_at > +$at`;

export const NEXT_DEADLINE_AT = `
SELECT MIN(deadline_at) AS at FROM job_state INDEXED BY job_state_deadline
WHERE state = 0 AND deadline_at IS NOT NULL AND deadline_at > +$at`;

const EVENT_COLUMNS = `
SELECT e.seq, e.job, e.at, e.change, e.state, e.attempt, e.reason, e.info,
  w.worker_id, w.name AS worker_name,
  COALESCE(j.id, d.id) AS id, COALESCE(j.key, d.key) AS key, COALESCE(j.type, d.type) AS type,
  j.job_group
FROM event AS e
LEFT JOIN worker AS w ON w.id = e.worker
LEFT JOIN job AS j ON j.seq = e.job
LEFT JOIN deleted AS d ON d.event = e.seq`;

export const HISTORY = `${EVENT_COLUMNS} WHERE e.job = +$job ORDER BY e.seq`;
export const EVENTS_AFTER = `${EVENT_COLUMNS} WHERE e.seq > +$after ORDER BY e.seq LIMIT +$limit`;

export const ATTEMPT = `
SELECT a.n AS attempt, a.token_hash, a.lease_ms, a.started_at, w.worker_id, w.name AS worker_name
FROM attempt AS a CROSS JOIN worker AS w ON w.id = a.worker
WHERE a.seq = +$seq AND a.n = +$n`;

export const LOGS = `SELECT attempt, text FROM log WHERE job = +$job ORDER BY id`;

export const BYTES_OF_BLOB = `SELECT bytes FROM blob WHERE id = +$id`;
export const BLOB_BY_SHA256 = `
SELECT id, name FROM blob WHERE sha256 = +$sha256 AND name IS NOT NULL`;
export const BLOB_BY_NAME = `SELECT id FROM blob WHERE name = +$name`;
export const BLOB_BY_ID = `SELECT id FROM blob WHERE id = +$id`;

export const COUNTERS = `SELECT job, event, blob, bytes FROM counter WHERE id = 1`;
export const IS_OPEN = `SELECT is_open AS isOpen FROM counter WHERE id = 1`;
export const TYPES = `
SELECT id, name, batch, batch_count AS batchCount FROM type ORDER BY id`;
export const SHAPES = `SELECT id, type, requires FROM shape`;
/** Counted by numbers first: jobs are many, shapes are few. */
export const COUNTS = `
SELECT h.type, c.shape, c.state, c.count
FROM (SELECT shape, state, COUNT(*) AS count FROM job_state GROUP BY shape, state) AS c
CROSS JOIN shape AS h ON h.id = c.shape`;

export const GROUP_COUNTS = `SELECT state, count FROM group_count WHERE job_group = +$group`;
/** The index of groups is in the order of the numbers: both ends of a group are at hand. */
export const GROUP_FIRST = `
SELECT submitted_at AS at FROM job INDEXED BY job_group
WHERE job_group = +$group ORDER BY seq LIMIT 1`;
export const GROUP_LAST = `
SELECT submitted_at AS at FROM job INDEXED BY job_group
WHERE job_group = +$group ORDER BY seq DESC LIMIT 1`;

export const WORKER_BY_NAME = `
SELECT id FROM worker WHERE worker_id = +$workerId AND name = +$name`;
export const WORKERS_BY_ID = `SELECT id FROM worker WHERE worker_id = +$workerId LIMIT 2`;
export const WORKER_COUNT = `SELECT COUNT(*) AS count FROM worker`;
export const WORKER_RECORD = `
SELECT worker_id AS id, name, first_seen_at AS firstSeenAt, last_seen_at AS lastSeenAt,
  done_count AS doneCount, failed_count AS failedCount
FROM worker_record WHERE worker_id = +$id`;
export const WORKER_RECORD_COUNT = `SELECT COUNT(*) AS count FROM worker_record`;

export const SETTING = `SELECT value FROM setting WHERE name = +$name`;
