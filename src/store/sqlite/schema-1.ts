// The first schema. A released schema is never edited: a change is a new numbered file beside this one.
// Facts (job, attempt, event, result, log, blob) are inserted and never rewritten; job_state is the one
// narrow row of a job that is. Numbers stand for states, changes and reasons as stored-numbers.ts says.
// Every index ends with the row's number by itself, so that no index names seq and yet all are in its order.

export const SCHEMA_1 = `
CREATE TABLE counter (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  job INTEGER NOT NULL CHECK (job >= 0),
  event INTEGER NOT NULL CHECK (event >= 0),
  blob INTEGER NOT NULL CHECK (blob >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  is_open INTEGER NOT NULL CHECK (is_open IN (0, 1))
) STRICT;
INSERT INTO counter (id, job, event, blob, bytes, is_open) VALUES (1, 0, 0, 0, 0, 0);

CREATE TABLE type (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  batch INTEGER NOT NULL CHECK (batch >= 0),
  batch_count INTEGER NOT NULL CHECK (batch_count >= 0)
) STRICT;

CREATE TABLE shape (
  id INTEGER PRIMARY KEY,
  type INTEGER NOT NULL REFERENCES type (id),
  requires TEXT NOT NULL,
  UNIQUE (type, requires)
) STRICT;

CREATE TABLE blob (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  size INTEGER NOT NULL CHECK (size >= 0),
  name TEXT,
  bytes BLOB,
  CHECK ((name IS NULL) <> (bytes IS NULL)),
  CHECK (bytes IS NULL OR length(bytes) = size)
) STRICT;
CREATE UNIQUE INDEX blob_sha256 ON blob (sha256) WHERE name IS NOT NULL;
CREATE UNIQUE INDEX blob_name ON blob (name) WHERE name IS NOT NULL;

CREATE TABLE job (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL CHECK (length(id) = 16),
  key TEXT,
  type INTEGER NOT NULL REFERENCES type (id),
  class INTEGER NOT NULL CHECK (class IN (0, 1)),
  batch INTEGER NOT NULL CHECK (batch >= 0),
  payload INTEGER NOT NULL REFERENCES blob (id) DEFERRABLE INITIALLY DEFERRED,
  content_type TEXT,
  description TEXT,
  job_group TEXT,
  labels TEXT,
  options TEXT,
  from_id BLOB CHECK (from_id IS NULL OR length(from_id) = 16),
  submitted_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX job_id ON job (id);
CREATE UNIQUE INDEX job_key ON job (key) WHERE key IS NOT NULL;
CREATE INDEX job_type ON job (type, batch);
CREATE INDEX job_from ON job (from_id) WHERE from_id IS NOT NULL;
CREATE INDEX job_group ON job (job_group) WHERE job_group IS NOT NULL;
CREATE INDEX job_payload ON job (payload);

CREATE TABLE job_state (
  seq INTEGER PRIMARY KEY REFERENCES job (seq),
  revision INTEGER NOT NULL CHECK (revision >= 0),
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
  class INTEGER NOT NULL CHECK (class IN (0, 1)),
  penalty INTEGER NOT NULL CHECK (penalty >= 0),
  shape INTEGER NOT NULL REFERENCES shape (id),
  ready_at INTEGER NOT NULL,
  queued INTEGER NOT NULL CHECK (queued IN (0, 1)),
  held INTEGER NOT NULL CHECK (held IN (0, 1)),
  attempt INTEGER NOT NULL CHECK (attempt >= 0),
  failures INTEGER NOT NULL CHECK (failures >= 0),
  crashes INTEGER NOT NULL CHECK (crashes >= 0),
  retried_after INTEGER NOT NULL CHECK (retried_after BETWEEN 0 AND attempt),
  deadline_at INTEGER,
  event INTEGER NOT NULL,
  CHECK (state = 0 OR (queued = 0 AND held = 0 AND ready_at = 0)),
  CHECK (queued = 0 OR held = 0),
  CHECK (state <> 1 OR attempt > retried_after)
) STRICT;
CREATE INDEX job_state_ready ON job_state (shape, class, penalty) WHERE queued = 1;
CREATE INDEX job_state_waiting ON job_state (ready_at) WHERE state = 0 AND queued = 0 AND held = 0;
CREATE INDEX job_state_deadline ON job_state (deadline_at) WHERE state = 0 AND deadline_at IS NOT NULL;
CREATE INDEX job_state_state ON job_state (state);
CREATE INDEX job_state_settled ON job_state (event) WHERE state >= 2;

CREATE TABLE group_count (
  job_group TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (job_group, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
  id INTEGER PRIMARY KEY,
  worker_id TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (worker_id, name)
) STRICT;

CREATE TABLE worker_record (
  worker_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  done_count INTEGER NOT NULL CHECK (done_count >= 0),
  failed_count INTEGER NOT NULL CHECK (failed_count >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX worker_record_seen ON worker_record (last_seen_at);

CREATE TABLE attempt (
  seq INTEGER NOT NULL REFERENCES job (seq),
  n INTEGER NOT NULL CHECK (n >= 1),
  worker INTEGER NOT NULL REFERENCES worker (id),
  token_hash BLOB NOT NULL,
  lease_ms INTEGER CHECK (lease_ms IS NULL OR lease_ms > 0),
  started_at INTEGER NOT NULL,
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_worker ON attempt (worker, seq);

CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  job INTEGER NOT NULL,
  at INTEGER NOT NULL,
  change INTEGER NOT NULL CHECK (change BETWEEN 0 AND 14),
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
  attempt INTEGER,
  worker INTEGER,
  reason INTEGER,
  info TEXT,
  avoid TEXT
) STRICT;
CREATE INDEX event_job ON event (job);
CREATE INDEX event_deleted_worker ON event (worker) WHERE change = 14 AND worker IS NOT NULL;

CREATE TABLE deleted (
  event INTEGER PRIMARY KEY,
  id BLOB NOT NULL CHECK (length(id) = 16),
  key TEXT,
  type INTEGER NOT NULL REFERENCES type (id)
) STRICT;

CREATE TABLE result (
  seq INTEGER PRIMARY KEY REFERENCES job (seq),
  blob INTEGER NOT NULL REFERENCES blob (id),
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  content_type TEXT
) STRICT;
CREATE INDEX result_blob ON result (blob);

CREATE TABLE log (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES job (seq),
  attempt INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX log_job ON log (job);

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;
