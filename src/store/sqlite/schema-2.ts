// The second schema: one more change that an event may tell of, that an attempt which was lost goes on (15). SQLite
// changes no CHECK in place, so the table is written anew; a million jobs take some seconds, once.

export const SCHEMA_2 = `
CREATE TABLE event_2 (
  seq INTEGER PRIMARY KEY,
  job INTEGER NOT NULL,
  at INTEGER NOT NULL,
  change INTEGER NOT NULL CHECK (change BETWEEN 0 AND 15),
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
  attempt INTEGER,
  worker INTEGER,
  reason INTEGER,
  info TEXT,
  avoid TEXT
) STRICT;
INSERT INTO event_2 (seq, job, at, change, state, attempt, worker, reason, info, avoid)
SELECT seq, job, at, change, state, attempt, worker, reason, info, avoid FROM event ORDER BY seq;
DROP TABLE event;
ALTER TABLE event_2 RENAME TO event;
CREATE INDEX event_job ON event (job);
CREATE INDEX event_deleted_worker ON event (worker) WHERE change = 14 AND worker IS NOT NULL;
`;
