// Sizes as people write them: "32 KiB", "1.5 GiB", "64 MB", or a plain number of bytes.

const units: ReadonlyMap<string, number> = new Map([
  ["b", 1],
  ["kib", 1024],
  ["mib", 1024 ** 2],
  ["gib", 1024 ** 3],
  ["tib", 1024 ** 4],
  ["kb", 1000],
  ["mb", 1000 ** 2],
  ["gb", 1000 ** 3],
  ["tb", 1000 ** 4],
]);

const pattern = /^\s*([0-9][0-9_]{0,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]{1,3})?\s*$/;

/** The number of bytes, or null when the text is no size. */
export function parseSize(text: string): number | null {
  const [, amount, unit = "B"] = pattern.exec(text) ?? [];
  const factor = units.get(unit.toLowerCase());
  if (amount === undefined || factor === undefined) return null;
  const bytes = Math.round(Number(amount.replaceAll("_", "")) * factor);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The shortest text that says the same: 32768 is "32 KiB". */
export function formatSize(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"]) {
    const factor = units.get(unit.toLowerCase()) ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return `${bytes} B`;
}
