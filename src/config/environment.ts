// Settings from the environment and from flags, where everything is text: GRIDLIKE_SERVER_PORT is server.port.
// An unknown GRIDLIKE_ variable is refused, because a mistyped one would silently change nothing.

import { unreachable } from "../domain/assert.ts";
import type { Given, Problem } from "./given.ts";
import { knownKeys, unknownVariable, variableOf } from "./known-keys.ts";
import type { SettingKind } from "./setting.ts";

/** Variables that mean something to the client, to the worker or inside a job, and nothing here. */
export const foreignVariables: ReadonlySet<string> = new Set([
  "GRIDLIKE_URL",
  "GRIDLIKE_TOKEN",
  "GRIDLIKE_TOKEN_FILE",
  "GRIDLIKE_API_KEY",
  "GRIDLIKE_API_KEY_FILE",
  "GRIDLIKE_PIN",
  "GRIDLIKE_CONTEXT",
  "GRIDLIKE_OUTPUT_MODE",
  "GRIDLIKE_JOB",
  "GRIDLIKE_KEY",
  "GRIDLIKE_TYPE",
  "GRIDLIKE_WORKER_TOKEN",
  "GRIDLIKE_LEASE_S",
  "GRIDLIKE_ONCE",
  "GRIDLIKE_ATTEMPT",
  "GRIDLIKE_PAYLOAD",
  "GRIDLIKE_RESULT",
  "GRIDLIKE_SLOT",
  "GRIDLIKE_API",
]);

/** Kubernetes sets such variables in every container for a service whose name begins with "gridlike". */
const serviceLinkName = /_SERVICE_HOST$|_SERVICE_PORT(?:_|$)|_PORT_[0-9]+_(?:TCP|UDP|SCTP)/;
const serviceLinkValue = /^(?:tcp|udp|sctp):\/\//;

export type Collected = {
  readonly given: ReadonlyMap<string, Given>;
  readonly problems: readonly Problem[];
};

/** An empty variable counts as not set. */
export function readEnvironment(environment: {
  readonly [name: string]: string | undefined;
}): Collected {
  const nameByVariable = new Map([...knownKeys.keys()].map((name) => [variableOf(name), name]));
  const given = new Map<string, Given>();
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith("GRIDLIKE_") || text === undefined || text === "") continue;
    if (serviceLinkName.test(variable) || serviceLinkValue.test(text)) continue;
    const name = nameByVariable.get(variable);
    if (name !== undefined) given.set(name, givenAsText(name, text, variable));
    else if (!foreignVariables.has(variable)) {
      const origin = { kind: "named", name: variable } as const;
      problems.push({ origin, sentence: unknownVariable(variable) });
    }
  }
  return { given, problems };
}

/** A setting given as text by the variable or flag `by`. Text that fits no value is left to the schema to refuse. */
export function givenAsText(name: string, text: string, by: string): Given {
  const kind = knownKeys.get(name)?.note.kind ?? "text";
  const origin = { kind: "named", name: by } as const;
  return { value: fromText(kind, text), text: JSON.stringify(text), origin };
}

function fromText(kind: SettingKind, text: string): unknown {
  switch (kind) {
    case "text":
      return text;
    case "number":
      return /^-?[0-9][0-9_]*(?:\.[0-9]+)?$/.test(text) ? Number(text.replaceAll("_", "")) : text;
    case "size":
      return /^[0-9]+$/.test(text) ? Number(text) : text;
    case "flag":
      return text === "true" ? true : text === "false" ? false : text;
    case "list":
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
    default:
      return unreachable(kind);
  }
}
