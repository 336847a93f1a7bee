// What is asked and taken away to keep the database from growing without end. Slow work, page by page.

/** Settled jobs in the order they were settled. The event of a state only grows. */
export const SETTLED_AFTER = `
SELECT s.event AS place, s.seq, s.revision, s.state, j.type, e.at,
  p.size + COALESCE(b.size, 0) AS bytes
FROM job_state AS s INDEXED BY job_state_settled
CROSS JOIN job AS j ON j.seq = s.seq
CROSS JOIN event AS e ON e.seq = s.event
CROSS JOIN blob AS p ON p.id = j.payload
LEFT JOIN result AS r ON r.seq = s.seq
LEFT JOIN blob AS b ON b.id = r.blob
WHERE s.state >= 2 AND s.event > +$after
ORDER BY s.event LIMIT +$limit`;

/** The oldest that is told of deleted jobs. */
export const OLDEST_DELETED = `
SELECT d.event, e.at FROM deleted AS d CROSS JOIN event AS e ON e.seq = d.event
WHERE d.event <= +$until ORDER BY d.event LIMIT +$limit`;

export const FORGET_DELETED = `DELETE FROM deleted WHERE event = +$event`;
export const FORGET_EVENT = `DELETE FROM event WHERE seq = +$event`;
