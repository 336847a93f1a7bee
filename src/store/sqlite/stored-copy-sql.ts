// What is asked of a database that no server uses. Apart from the statements of a server: these walk over
// everything, page by page.

/** How far it has come. */
export const COPY_COUNTERS = `SELECT event FROM counter WHERE id = 1`;

export const COPY_SETTING = `SELECT value FROM setting WHERE name = $name`;

/** Blobs that a provider keeps. */
export const BLOBS_AFTER = `
SELECT name, sha256, size FROM blob WHERE name IS NOT NULL AND name > $after
ORDER BY name LIMIT $limit`;

/** Bytes in the database itself. */
export const INLINE_AFTER = `
SELECT id, sha256, bytes FROM blob WHERE name IS NULL AND id > $after ORDER BY id LIMIT $limit`;

export const IS_BLOB_NAMED = `SELECT 1 AS found FROM blob WHERE name = $name`;

/** Some of the jobs that refer to a blob. */
export const USERS_OF_BLOB = `
SELECT j.id, j.key FROM job AS j JOIN blob AS b ON b.id = j.payload WHERE b.id = $blob
UNION
SELECT j.id, j.key FROM result AS r JOIN job AS j ON j.seq = r.seq WHERE r.blob = $blob
LIMIT 3`;

export const BLOB_NUMBER = `SELECT id FROM blob WHERE name = $name`;
