// Tells ids of events of one past from those of another. Each start of a server gets a word of chance, and the
// database remembers how far every earlier start had come. So a number that was given out after a backup was made is
// known for what it is when that backup was put back: an event that never happened here.

import { eventOriginCountMax } from "../domain/limits.ts";
import type { JobStore } from "../store/job-store.ts";

/** `last`: the newest event of that start; null for the one that goes on. */
type Origin = { readonly word: string; readonly last: number | null };

export type EventOrigins = {
  /** The word of this start. */
  readonly current: string;
  /** The number in an id of ours, or null. A number alone is taken at its word. */
  seqOf(id: string): number | null;
};

/** Begins a new word. Before anything else is written, or what was lost could be taken for what is new. */
export async function beginOrigin(
  jobs: Pick<JobStore, "setting" | "setSetting" | "lastEventSeq">,
  current: string,
): Promise<EventOrigins> {
  const newest = await jobs.lastEventSeq();
  const former = fromText(await jobs.setting(settingName));
  const ended = former.map(({ word, last }) => ({ word, last: Math.min(last ?? newest, newest) }));
  const origins = [...ended, { word: current, last: null }].slice(-eventOriginCountMax);
  await jobs.setSetting(settingName, toText(origins));
  return { current, seqOf: (id) => seqOf(origins, id) };
}

function seqOf(origins: readonly Origin[], id: string): number | null {
  const [, word, digits] = /^(?:([0-9a-f]{12})-)?([0-9]{1,15})$/.exec(id) ?? [];
  if (digits === undefined) return null;
  const seq = Number(digits);
  if (word === undefined) return seq;
  const origin = origins.find((one) => one.word === word);
  return origin !== undefined && seq <= (origin.last ?? seq) ? seq : null;
}

const settingName = "event_origins";

function toText(origins: readonly Origin[]): string {
  return origins.map(({ word, last }) => `${word}=${last ?? ""}`).join(" ");
}

function fromText(text: string | null): readonly Origin[] {
  return Array.from(
    text?.matchAll(/([0-9a-f]{12})=([0-9]*)/g) ?? [],
    ([, word = "", last = ""]) => ({
      word,
      last: last === "" ? null : Number(last),
    }),
  );
}
