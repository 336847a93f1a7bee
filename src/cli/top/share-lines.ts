// How many lines of a bounded height each of several parts gets: first each the least that says something, then one more
// in turn until all have what they want.

/** An empty line, the head, and one line below it. */
const leastLines = 3;

/** For each part at most what it wants, together at most `room`; 0 for one that has no room at all. */
export function shareLines(wanted: readonly number[], room: number | null): readonly number[] {
  if (room === null) return wanted;
  let left = room;
  const shares = wanted.map((want) => {
    const least = Math.min(want, leastLines);
    if (least > left) return 0;
    left -= least;
    return least;
  });
  for (let isMoving = true; isMoving && left > 0;) {
    isMoving = false;
    for (const [at, want] of wanted.entries()) {
      const share = shares[at]!; // One for each.
      if (left === 0 || share === 0 || share >= want) continue;
      shares[at] = share + 1;
      left -= 1;
      isMoving = true;
    }
  }
  return shares;
}
