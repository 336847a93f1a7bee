// The door that a job has to its agent, GRIDLIKE_API: one small server for all jobs of this machine, and for each job an
// address that nobody can guess, valid only while it runs. From a shell, without any program of ours, it is
// curl -d percent=40 -d info=meshing "$GRIDLIKE_API/note" that tells how far a job is.

import { noteBytesMax } from "../domain/limits-worker.ts";
import { progressInfoCharactersMax } from "../domain/limits.ts";
import { plainLine } from "../domain/plain-line.ts";
import type { serveLoopback } from "../platform/loopback.ts";
import type { Random } from "../platform/random.ts";
import type { Report } from "./runner.ts";

export type JobDoor = {
  /** An address for one run of a job; what comes through it is told to `report` until `close`. */
  open(report: Report): JobPass;
  stop(): Promise<void>;
};

export type JobPass = { readonly url: string; close(): void };

export function createJobDoor(deps: {
  readonly serve: typeof serveLoopback;
  readonly random: Random;
}): JobDoor {
  const reports = new Map<string, Report>();
  const server = deps.serve({
    bodyBytesMax: noteBytesMax,
    async answer(request) {
      const [, secret = "", verb, ...rest] = new URL(request.url).pathname.split("/");
      const report = reports.get(secret);
      if (report === undefined) return sentence(404, "No job that runs has this address.");
      if (verb !== "note" || rest.length > 0) return sentence(404, "There is /note here.");
      if (request.method !== "POST") return sentence(405, "A note is sent with POST.");
      const note = await readNote(request);
      if (typeof note === "string") return sentence(400, note);
      report.progress(note.percent, note.info);
      return new Response(null, { status: 204 });
    },
  });
  return {
    open(report) {
      const secret = deps.random.bytes(32).toHex();
      reports.set(secret, report);
      return { url: `${server.url}/${secret}`, close: () => void reports.delete(secret) };
    },
    stop: () => server.stop(),
  };
}

type Note = { readonly percent: number | null; readonly info: string | null };

/** JSON, or a form as curl -d sends it. A string is what is wrong with it. */
async function readNote(request: Request): Promise<Note | string> {
  const body = await request.text().catch(() => null);
  if (body === null) return "The note did not arrive whole. Send it again.";
  const isJson = (request.headers.get("Content-Type") ?? "").includes("json");
  const said = isJson ? fromJson(body) : Object.fromEntries(new URLSearchParams(body));
  if (said === null) return 'The note is no JSON object such as {"percent": 40}.';
  const unknown = Object.keys(said).find((name) => name !== "percent" && name !== "info");
  if (unknown !== undefined) {
    return `A note has percent and info, and nothing called ${JSON.stringify(unknown.slice(0, 64))}.`;
  }
  return toNote(said);
}

function toNote({
  percent = null,
  info = null,
}: {
  readonly [name: string]: unknown;
}): Note | string {
  const number = typeof percent === "string" && percent.trim() !== "" ? Number(percent) : percent;
  if (number !== null && !(typeof number === "number" && number >= 0 && number <= 100)) {
    return "percent is a number from 0 to 100.";
  }
  if (info !== null && typeof info !== "string") return "info is a text.";
  const line = info === null ? "" : plainLine(info, progressInfoCharactersMax);
  if (number === null && line === "") return "A note says percent, info or both.";
  return { percent: number, info: line === "" ? null : line };
}

function fromJson(body: string): { readonly [name: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? { ...value } : null;
  } catch {
    return null; // Told by the caller.
  }
}

function sentence(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "Content-Type": "text/plain" } });
}
