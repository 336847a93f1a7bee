// The secrets of the configuration: given in the file, read from a file of their own, or left to the server.
// Weak ones are refused, and the two doors never share one: a worker's token must not open the API.

import { resolve } from "node:path";

import type { ReadText } from "../platform/files.ts";
import type { AuthConfig, Credential } from "./config.ts";
import type { Given, GivenByName, Problem } from "./given.ts";
import type { Settings } from "./schema.ts";
import { weakness } from "./secret.ts";

/** What it takes to follow a setting that names a file. */
export type FileSources = {
  readonly given: GivenByName;
  /** The folder that a path given by `given` is relative to. */
  readonly folderOf: (given: Given | undefined) => string;
  readonly readText: (path: string) => ReadText;
  readonly refuse: (problem: Problem) => void;
};

/** What a door is called, and the names of its settings. */
type Door = {
  readonly section: "auth.worker" | "auth.api";
  readonly key: "token" | "key";
  readonly values: {
    readonly type: "simple" | "none";
    readonly secret: string | null;
    readonly file: string | null;
  };
};

export function readAuth(settings: Settings, sources: FileSources): AuthConfig {
  const { type, token, token_file, kick_after_ms } = settings["auth.worker"];
  const worker = readDoor(
    { section: "auth.worker", key: "token", values: { type, secret: token, file: token_file } },
    sources,
  );
  const { type: apiType, key, key_file } = settings["auth.api"];
  const api = readDoor(
    { section: "auth.api", key: "key", values: { type: apiType, secret: key, file: key_file } },
    sources,
  );
  if (worker.kind === "given" && api.kind === "given" && worker.secret === api.secret) {
    const origin =
      originOf("auth.worker.token", sources) ?? originOf("auth.worker.token_file", sources);
    const sentence =
      "The worker token and the API key are the same, so every worker could read and delete jobs. Make a second one.";
    sources.refuse({ origin, sentence });
  }
  return { worker, api, kickAfterMs: kick_after_ms };
}

function readDoor(door: Door, sources: FileSources): Credential {
  const { section, key, values } = door;
  const name = `${section}.${key}`;
  const fileName = `${name}_file`;
  const refuse = (of: string, sentence: string): Credential => {
    sources.refuse({ origin: originOf(of, sources), sentence });
    return { kind: "generated" };
  };
  if (values.type === "none") {
    const extra = values.secret !== null ? name : values.file !== null ? fileName : null;
    if (extra === null) return { kind: "none" };
    return refuse(extra, `${section}.type is "none", so ${extra} has no use. Remove one of them.`);
  }
  if (values.secret !== null && values.file !== null) {
    return refuse(fileName, `${name} and ${fileName} are both set. Remove one of them.`);
  }
  if (values.secret !== null) return judged(values.secret, name);
  if (values.file === null) return { kind: "generated" };
  const path = resolve(sources.folderOf(sources.given.get(fileName)), values.file);
  const read = sources.readText(path);
  if (read.kind !== "text") {
    return refuse(fileName, `${fileName}: the file ${path} ${read.problem}.`);
  }
  const secret = read.text.trim();
  if (!/^[\x21-\x7e]{1,512}$/.test(secret)) {
    return refuse(
      fileName,
      `${fileName}: the file ${path} must hold one line of visible ASCII, at most 512 long.`,
    );
  }
  return judged(secret, fileName);

  function judged(found: string, of: string): Credential {
    const weak = weakness(found);
    if (weak === null) return { kind: "given", secret: found };
    const remedy = "Use 32 random bytes, or leave it out: the server then makes one.";
    return refuse(of, `${of} is too weak. ${weak} ${remedy}`);
  }
}

function originOf(name: string, sources: FileSources): Problem["origin"] {
  return sources.given.get(name)?.origin ?? null;
}
