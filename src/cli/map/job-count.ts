// How many jobs run at a time, as GNU parallel lets it be said: a number, a part of the processors, or some more or less.

import { GridError } from "../../domain/errors.ts";

/** As many as possible, where that was asked for: each is a process. */
const allCount = 250;

/** `processors`: null where jobs run on other machines, whose processors nobody counts here. */
export function jobCountOf(text: string, processors: number | null): number {
  const [, sign = "", digits = "", percent = ""] = /^([+-]?)([0-9]{1,6})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === "" || (sign !== "" && percent !== "")) {
    throw new GridError(
      "malformed",
      `-j is ${JSON.stringify(text)}. Write a number, such as 4, or 50%, +1 or -1 of the processors.`,
    );
  }
  if (sign === "" && percent === "") return number === 0 ? allCount : number;
  if (processors === null) {
    throw new GridError(
      "malformed",
      `-j ${text} counts the processors of this machine, but the jobs run on the workers of a grid. Write a number.`,
    );
  }
  if (percent !== "") return Math.max(1, Math.round((processors * number) / 100));
  return Math.max(1, processors + (sign === "+" ? number : -number));
}
