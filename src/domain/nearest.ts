// The known word nearest to a mistyped one: for configuration keys, flags, options and type names alike.
// Suggests nothing rather than something far-fetched.

/** The candidate that a mistyped `word` most likely meant, or null when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const wanted = plain(word);
  let best: string | null = null;
  // Two words of which more than four tenths differ have nothing to do with one another.
  let bestDistance = Math.min(wanted.length, Math.max(1, Math.floor(wanted.length * 0.4)) + 1);
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate), bestDistance);
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** A remedy to append to a sentence: ` Did you mean "x"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === null ? "" : ` Did you mean "${found}"?`;
}

/** Case and the kind of dash are no difference that a person means. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (Damerau and
 * Levenshtein, each letter moved at most once), or `limit` when it takes that many or more.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length]!, limit);
}
