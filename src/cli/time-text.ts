// Spans of time as people read them, in at most two units.

const units = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "m", ms: 60_000 },
  { name: "s", ms: 1000 },
] as const;

/** `2m 5s`, `1h`, `0.4s`. */
export function spanText(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
  const first = units.findIndex((unit) => ms >= unit.ms);
  let rest = ms;
  const parts: string[] = [];
  for (const { name, ms: size } of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${name}`);
    rest -= count * size;
  }
  return parts.join(" ");
}

/** Whole seconds and up, for how long ago something was: clocks of two machines differ by more than a tenth. */
export function ageText(ms: number): string {
  return ms < 10_000 ? `${Math.max(0, Math.round(ms / 1000))}s` : spanText(ms);
}
