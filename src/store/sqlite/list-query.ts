// Builds the search for a listing from constant fragments: which table leads, what is asked, in which order.
// Each combination is one statement. Values are only ever bound; text of a caller never becomes SQL.

import type { JobFilter, PageQuery } from "../job-store.ts";
import { fromIdText } from "./id-bytes.ts";
import { statusNumbers } from "./stored-numbers.ts";
import type { TypeEntry } from "./types.ts";

type Bindings = { [name: string]: string | number | null | Uint8Array };

export type Search = { readonly sql: string; readonly bindings: Bindings };

/** What is known beside the filter, so that the search starts from the smallest set. */
export type SearchHints = {
  /** The type of the filter, when it has one. */
  readonly type: TypeEntry | null;
  /** The numbers of the filter's worker, when it has one: more than one when it changed its name. */
  readonly workers: readonly number[];
  /** Jobs of the filter's type are fewer than those with its status. */
  readonly isTypeRarer: boolean;
};

type Lead = {
  readonly from: string;
  readonly seq: string;
  readonly order: readonly string[];
  readonly type: string;
};

const STATE_LEADS: Lead = {
  from: "FROM job_state AS s CROSS JOIN job AS j ON j.seq = s.seq",
  seq: "s.seq",
  order: ["s.seq"],
  type: "j.type = +$type",
};
const JOB_LEADS: Lead = {
  from: "FROM job AS j CROSS JOIN job_state AS s ON s.seq = j.seq",
  seq: "j.seq",
  order: ["j.seq"],
  type: "j.type = +$type",
};
/** The signs keep the planner from reading all jobs, or all of a type, and trying the key of each. */
const KEY_LEADS: Lead = {
  from: JOB_LEADS.from,
  seq: "+j.seq",
  order: ["+j.seq"],
  type: "+j.type = +$type",
};
/** Pages of a type grow with the numbers of its jobs, so the index of both is in the order of the numbers. */
const TYPE_LEADS: Lead = { ...JOB_LEADS, order: ["j.batch", "j.seq"] };
const WORKER_LEADS: Lead = {
  from: `FROM attempt AS a CROSS JOIN job_state AS s ON s.seq = a.seq AND s.attempt = a.n
CROSS JOIN job AS j ON j.seq = a.seq`,
  seq: "a.seq",
  order: ["a.seq"],
  type: "j.type = +$type",
};

/** The numbers of the jobs of one page; one more than the page holds tells that there is a next one. */
export function pageSearch({ filter, order, limit, after }: PageQuery, hints: SearchHints): Search {
  const lead = leadOf(filter, hints);
  const { conditions, bindings } = conditionsOf(filter, lead, hints);
  if (after !== null) {
    conditions.push(order === "newest" ? `${lead.seq} < +$after` : `${lead.seq} > +$after`);
    bindings["after"] = after;
  }
  const direction = order === "newest" ? "DESC" : "ASC";
  const by = lead.order.map((column) => `${column} ${direction}`).join(", ");
  bindings["limit"] = limit + 1;
  const sql = `SELECT ${lead.seq} AS seq ${lead.from} ${where(conditions)} ORDER BY ${by} LIMIT +$limit`;
  return { sql, bindings };
}

export function countSearch(filter: JobFilter, hints: SearchHints): Search {
  const lead = leadOf(filter, hints);
  const { conditions, bindings } = conditionsOf(filter, lead, hints);
  return { sql: `SELECT COUNT(*) AS count ${lead.from} ${where(conditions)}`, bindings };
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
}

function leadOf(filter: JobFilter, { isTypeRarer }: SearchHints): Lead {
  if (filter.worker !== undefined) return WORKER_LEADS;
  if (filter.fromId !== undefined || filter.group !== undefined) return JOB_LEADS;
  if (filter.keyPrefix !== undefined && filter.keyPrefix !== "") return KEY_LEADS;
  if (filter.batch !== undefined && filter.type !== undefined) return TYPE_LEADS;
  if (filter.type !== undefined && (filter.status === undefined || isTypeRarer)) return TYPE_LEADS;
  return STATE_LEADS;
}

function conditionsOf(filter: JobFilter, lead: Lead, { type, workers }: SearchHints) {
  const conditions: string[] = [];
  const bindings: Bindings = {};
  const add = (condition: string, values: Bindings) => {
    conditions.push(condition);
    Object.assign(bindings, values);
  };
  const { status, group, batch, keyPrefix, worker, submittedAfter, fromId } = filter;
  if (status !== undefined) add("s.state = +$state", { state: statusNumbers[status] });
  if (filter.type !== undefined) add(lead.type, { type: type?.id ?? null });
  if (group !== undefined) add("j.job_group = +$group", { group });
  if (batch !== undefined) add("j.batch = +$batch", { batch });
  if (submittedAfter !== undefined) add("j.submitted_at > +$submittedAfter", { submittedAfter });
  if (fromId !== undefined) add("j.from_id = +$fromId", { fromId: fromIdText(fromId) });
  if (keyPrefix !== undefined && keyPrefix !== "") addKeyPrefix(keyPrefix, add);
  if (worker !== undefined) addWorker(worker, workers, add);
  return { conditions, bindings };
}

type Add = (condition: string, values: Bindings) => void;

/** Keys are compared byte by byte as UTF-8. A key that is the job's id stands in the id's column alone. */
function addKeyPrefix(prefix: string, add: Add): void {
  const keys = { keyFrom: prefix, keyTo: afterPrefix(prefix) };
  const ids = idRange(prefix);
  if (ids === null) return add("j.key >= +$keyFrom AND j.key < +$keyTo", keys);
  add(
    `((j.key >= +$keyFrom AND j.key < +$keyTo)
  OR (j.key IS NULL AND j.id >= +$idFrom AND j.id <= +$idTo))`,
    { ...keys, ...ids },
  );
}

function addWorker(workerId: string, workers: readonly number[], add: Add): void {
  if (workers.length > 1) {
    const condition = "a.worker IN (SELECT id FROM worker WHERE worker_id = +$workerId)";
    return add(condition, { workerId });
  }
  add("a.worker = +$worker", { worker: workers[0] ?? null });
}

/** The first text, in the order of code points, that is greater than every text with this prefix. */
export function afterPrefix(prefix: string): string {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return "\u{10ffff}".repeat(prefix.length + 256); // Longer than any key.
  const next = last === 0xd7ff ? 0xe000 : last + 1; // Between them lie halves of characters.
  return String.fromCodePoint(...points, next);
}

const idTemplate = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";

/** The least and the greatest id whose text begins with `prefix`, or null when none can. */
export function idRange(prefix: string): { idFrom: Uint8Array; idTo: Uint8Array } | null {
  if (prefix.length > idTemplate.length) return null;
  const fits = Array.from(prefix).every((character, index) =>
    idTemplate[index] === "-" ? character === "-" : /[0-9a-f]/.test(character),
  );
  if (!fits) return null;
  const hex = prefix.replaceAll("-", "");
  return {
    idFrom: Uint8Array.fromHex(hex.padEnd(32, "0")),
    idTo: Uint8Array.fromHex(hex.padEnd(32, "f")),
  };
}
