// From a message as it came to what the conversation is told of it.

import { GridError } from "../../domain/errors.ts";
import type { Message } from "../../protocol/frame.ts";
import { parseServerMessage, parseVerdicts } from "../../protocol/server-messages.ts";
import type { Input } from "./conversation-words.ts";

/** Null for a message of another version, which says nothing to this one. */
export function toInput({ header, body }: Message): Input | null {
  try {
    const said = parseServerMessage(header);
    if (said === "unknown-op") return null;
    const hasVerdicts = said.op === "welcome" || said.op === "held";
    return { kind: "message", said, body, verdicts: hasVerdicts ? parseVerdicts(body) : [] };
  } catch (error) {
    if (error instanceof GridError) return { kind: "malformed", why: error.message };
    throw error;
  }
}
