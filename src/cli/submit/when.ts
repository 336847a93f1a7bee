// Instants as people write them: a date and time, or how long from now.

import type { Instant } from "../../domain/job.ts";
import { toInstantText } from "../../domain/instant-text.ts";
import { UsageMistake } from "../trouble.ts";

const unitMs: { readonly [unit: string]: number } = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `5m`, `2h`, `1d`, bare seconds; in milliseconds. Throws `UsageMistake`. */
export function parseSpan(flag: string, text: string): number {
  const [, number = "", unit = "s"] = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])?$/.exec(text) ?? [];
  const ms = Number(number) * (unitMs[unit] ?? Number.NaN);
  if (number !== "" && ms > 0) return ms;
  throw new UsageMistake(`${flag} is ${JSON.stringify(text)}. Write such as 90s, 5m, 2h or 1d.`);
}

/** ISO 8601, in UTC unless it says otherwise, or `now+5m`, or `5m`. */
export function parseInstant(flag: string, text: string, now: Instant): string {
  const relative = text.replace(/^now\s*\+\s*/, "");
  if (/^[0-9.]+[smhd]$/.test(relative))
    return toInstantText(now + Math.round(parseSpan(flag, relative)));
  const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text.replace(" ", "T");
  const iso = /(?:Z|T.*[+-]\d\d:\d\d)$/.test(whole) ? whole : `${whole}Z`;
  try {
    return toInstantText(Temporal.Instant.from(iso).epochMilliseconds);
  } catch {
    throw new UsageMistake(
      `${flag} is ${JSON.stringify(text)}. Write an instant such as 2030-01-31T12:00Z, or how long from now, such as 10m.`,
    );
  }
}
