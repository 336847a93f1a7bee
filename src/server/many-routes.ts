// What people do to many jobs at once: cancel, retry and delete all that a filter finds. A request works for a
// bounded time; its answer then says where the next one goes on.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker } from "../broker/broker.ts";
import type { ManyAction } from "../broker/act-on-many.ts";
import type { Stretch } from "../broker/walk.ts";
import { GridError } from "../domain/errors.ts";
import { filterBytesMax } from "../domain/limits-server.ts";
import type { WireManyDone } from "../protocol/http-api.ts";
import type { JobFilter } from "../store/job-store.ts";
import { filterEntries, toFilter } from "./job-filter.ts";
import type { Timers } from "./patience.ts";
import { noParameters, readQuery, readWords, refuseUnknown, word, type Words } from "./query.ts";
import type { Uploads } from "./uploads.ts";
import type { Waits } from "./waits.ts";
import { toWireManyDone } from "./wire.ts";

export type ManyRouteDeps = {
  readonly broker: Pick<Broker, "actOnMany">;
  readonly uploads: Uploads;
  readonly waits: Waits;
};

export function manyRoutes({ broker, uploads, waits }: ManyRouteDeps) {
  const act = async (
    verb: "cancel" | "retry" | "delete",
    request: Request,
    server: Timers,
  ): Promise<WireManyDone> => {
    readQuery(request, noParameters);
    const body = await uploads.receive(request, server, filterBytesMax, readText);
    const { filter, cursor, force } = readBody(body);
    if (force && verb !== "delete") {
      throw new GridError("unknown-option", `force is for delete, and not for ${verb}.`);
    }
    const action: ManyAction = verb === "delete" && force ? "deleteActive" : verb;
    return toWireManyDone(
      await waits.hold(request, server, (stop) =>
        broker.actOnMany(action, { filter }, cursor, stop),
      ),
    );
  };
  return new Elysia({ prefix: "/jobs" })
    .post("/cancel", ({ request, server }) => act("cancel", request, server), { parse: "none" })
    .post("/retry", ({ request, server }) => act("retry", request, server), { parse: "none" })
    .post("/delete", ({ request, server }) => act("delete", request, server), { parse: "none" });
}

/** Where a former request stopped, as its answer said it. */
export function cursorWord() {
  return word<Stretch>(
    (text) => {
      const [, after = "", until = ""] = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(text) ?? [];
      return until === "" ? null : { after: Number(after), until: Number(until) };
    },
    (shown) => `cursor is "${shown}": give the one of the former answer.`,
  );
}

type Body = {
  readonly filter: JobFilter;
  readonly cursor: Stretch | null;
  readonly force: boolean;
};

function readBody(text: string): Body {
  const body = parseObject(text, "The body");
  for (const name of Object.keys(body)) refuseUnknown("field", name, bodyFields);
  const filter = readFilter(body["filter"]);
  const isAll = readFlag("all", body["all"]);
  const isEmpty = Object.keys(filter).length === 0;
  if (isEmpty && !isAll) {
    throw new GridError(
      "malformed",
      'The filter is empty and would find every job. Give one, or say {"all":true} when that is meant.',
    );
  }
  if (!isEmpty && isAll) {
    throw new GridError("malformed", "A filter and all:true contradict one another. Give one.");
  }
  return { filter, cursor: readCursor(body["cursor"]), force: readFlag("force", body["force"]) };
}

const bodyFields = ["filter", "all", "cursor", "force"];

function readFilter(value: unknown): JobFilter {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new GridError("malformed", 'filter is no object. Give one like {"status":"failed"}.');
  }
  const words: Words = new Map();
  for (const [name, given] of Object.entries(value)) {
    refuseUnknown("filter", name, Object.keys(filterEntries));
    if (given === null) continue;
    if (typeof given !== "string" && typeof given !== "number") {
      throw new GridError("malformed", `The filter ${name} is neither a text nor a number.`);
    }
    words.set(name, String(given));
  }
  return toFilter(readWords(words, v.object(filterEntries)));
}

function readFlag(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false;
  if (value === true) return true;
  throw new GridError("malformed", `${name} is neither true nor false.`);
}

function readCursor(value: unknown): Stretch | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === "string" ? value : "";
  return readWords(new Map([["cursor", text]]), v.object({ cursor: cursorWord() })).cursor;
}

function parseObject(text: string, what: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Told below, like JSON that is no object.
  }
  throw new GridError(
    "malformed",
    `${what} is no JSON object like {"filter":{"status":"failed"}}.`,
  );
}

async function readText(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of bytes) text += decoder.decode(piece, { stream: true });
  return text + decoder.decode();
}
