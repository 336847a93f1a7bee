// Reads server-sent events out of text that comes in pieces, as the HTML standard defines them. Pure.

import { clientEventCharactersMax } from "./limits.ts";
import { ClientError } from "./client-error.ts";

export type SseEvent = {
  readonly name: string;
  readonly data: string;
  /** The last id that was sent, with this event or before; null when none was. */
  readonly id: string | null;
};

export type SseParser = {
  /** The events that `text` completes. Throws when one is beyond all bounds. */
  push(text: string): readonly SseEvent[];
  /** Where to go on: the last id whose event, even an empty one, has come whole; null when none has. */
  lastId(): string | null;
  /** How long the server asks to wait before coming back, or null. */
  retryMs(): number | null;
};

export function createSseParser(): SseParser {
  let rest = "";
  let isFirst = true;
  let name = "";
  let data: string[] = [];
  let size = 0;
  let id: string | null = null;
  let lastId: string | null = null;
  let retryMs: number | null = null;

  const takeField = (line: string) => {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    if (field === "data") data.push(value);
    if (field === "id" && !value.includes("\0")) id = value;
    if (field === "retry" && /^[0-9]{1,9}$/.test(value)) retryMs = Number(value);
  };
  const takeEvent = (): SseEvent | null => {
    const event = { name: name === "" ? "message" : name, data: data.join("\n"), id };
    const isEmpty = data.length === 0;
    lastId = id;
    name = "";
    data = [];
    size = 0;
    return isEmpty ? null : event;
  };
  return {
    push(text) {
      const events: SseEvent[] = [];
      rest += isFirst && text.startsWith("\ufeff") ? text.slice(1) : text;
      isFirst = isFirst && text === "";
      // A carriage return at the very end may be the first half of a line's end.
      const held = rest.endsWith("\r") ? 1 : 0;
      const lines = rest.slice(0, rest.length - held).split(/\r\n|\n|\r/);
      rest = (lines.pop() ?? "") + rest.slice(rest.length - held);
      for (const line of lines) {
        size += line.length;
        if (line !== "") {
          takeField(line);
          continue;
        }
        const event = takeEvent();
        if (event !== null) events.push(event);
      }
      if (size + rest.length > clientEventCharactersMax) throw tooLong();
      return events;
    },
    lastId: () => lastId,
    retryMs: () => retryMs,
  };
}

function tooLong(): ClientError {
  return new ClientError(
    "unreachable",
    `An event of the feed has more than ${clientEventCharactersMax} characters: no GridLike server sends that.`,
    { status: 200 },
  );
}
