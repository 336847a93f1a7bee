// From the texts of the file, the environment and the flags to one frozen configuration, or to every problem at
// once. A flag beats the environment, the environment beats the file, the file beats the default.

import { dirname, resolve } from "node:path";

import type { ReadText } from "../platform/files.ts";
import { collectFile } from "./collect.ts";
import type { GivenType } from "./collect.ts";
import type { Config, RetentionConfig, ServerConfig } from "./config.ts";
import { readAuth } from "./credentials.ts";
import type { FileSources } from "./credentials.ts";
import { givenAsText, readEnvironment } from "./environment.ts";
import { exposureProblems, wantsOwnCertificate } from "./exposure.ts";
import { formatProblem, inFile, inReadingOrder } from "./given.ts";
import type { Given, GivenByName, Problem } from "./given.ts";
import { chainProblems, readJobTypes } from "./job-types.ts";
import { judgeSettings, judgeType } from "./judge.ts";
import type { Settings } from "./schema.ts";
import { parseToml } from "./toml.ts";

export type ConfigSources = {
  /** `path` as the user wrote it: problems show it so. */
  readonly file: { readonly path: string; readonly text: string } | null;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly flags: readonly ConfigFlag[];
  /** What relative paths outside the file are relative to. */
  readonly folder: string;
  readonly readText: (path: string) => ReadText;
  /** The addresses that this machine has towards others. */
  readonly addresses: readonly string[];
};

/** A flag that sets `name`, such as `--port` for `server.port`. */
export type ConfigFlag = { readonly flag: string; readonly name: string; readonly text: string };

export type ConfigResult =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export function readConfig(sources: ConfigSources): ConfigResult {
  const parsed = sources.file === null ? null : parseToml(sources.file.text);
  if (parsed?.kind === "malformed") {
    const sentence = `This is not valid TOML: ${parsed.problem}.`;
    return refused([{ origin: inFile(parsed.at), sentence }], sources);
  }
  const content = parsed === null ? null : collectFile(parsed.root);
  const environment = readEnvironment(sources.environment);
  const given = new Map([
    ...(content?.given ?? []),
    ...environment.given,
    ...sources.flags.map(({ flag, name, text }) => [name, givenAsText(name, text, flag)] as const),
  ]);
  const problems = [...(content?.problems ?? []), ...environment.problems];
  const config = buildConfig(given, content?.types ?? [], sources, (found) => problems.push(found));
  return problems.length > 0
    ? refused(problems, sources)
    : { kind: "config", config: freeze(config) };
}

function buildConfig(
  given: GivenByName,
  types: readonly GivenType[],
  sources: ConfigSources,
  refuse: (problem: Problem) => void,
): Config {
  const settings = judgeSettings(given, refuse);
  const { database, storage, jobs } = settings;
  for (const problem of exposureProblems(settings, given, sources.addresses)) refuse(problem);
  for (const problem of chainProblems(types)) refuse(problem);
  const file = sources.file === null ? null : resolve(sources.folder, sources.file.path);
  // A default is relative to the file as well, so that a folder with its file and its data can be moved.
  const folderOf = (of: Given | undefined) =>
    of?.origin.kind === "named" || file === null ? sources.folder : dirname(file);
  const paths = { given, folderOf, readText: sources.readText, refuse };
  return {
    file,
    server: serverConfig(settings, paths),
    database: { type: database.type, durability: database.durability },
    storage: {
      type: storage.type,
      smallBlobBytesMax: storage.small_blob_bytes_max,
      classicBytesMax: storage.classic_bytes_max,
      lowDiskBytes: storage.low_disk_bytes,
      lowDiskPercent: storage.low_disk_percent,
    },
    retention: retentionConfig(settings, types),
    auth: readAuth(settings, paths),
    jobs: { batchSize: jobs.batch_size },
    placement: settings.placement.strategy,
    types: readJobTypes(types, jobs, refuse),
  };
}

function serverConfig(settings: Settings, sources: FileSources): ServerConfig {
  const { server } = settings;
  return {
    name: server.name,
    host: server.host,
    port: server.port,
    pathBase: server.path_base.replace(/\/$/, ""),
    classic: server.classic,
    dataDir: resolve(sources.folderOf(sources.given.get("server.data_dir")), server.data_dir),
    behindProxy: server.behind_proxy,
    insecureHttp: server.insecure_http,
    tls: tlsConfig(settings, sources),
  };
}

function retentionConfig({ retention }: Settings, types: readonly GivenType[]): RetentionConfig {
  const ownMs = types.flatMap(({ name, given }) => {
    const ms = judgeType(name, given, () => {}).keep_s; // What is wrong with a type is told once, elsewhere.
    return ms === null ? [] : [[name, ms] as const];
  });
  return {
    doneMs: retention.done_s,
    failedMs: retention.failed_s,
    msByType: new Map(ownMs),
    bytesMax: retention.bytes_max,
    eventsMs: retention.events_s,
  };
}

function tlsConfig(
  settings: Settings,
  { given, folderOf, readText, refuse }: FileSources,
): ServerConfig["tls"] {
  if (wantsOwnCertificate(settings)) return { kind: "own" };
  const { cert, key } = settings["server.tls"];
  const originOf = (name: string) => given.get(name)?.origin ?? null;
  if (cert === null || key === null) {
    if (cert === key) return null;
    const [has, lacks] = cert === null ? ["key", "cert"] : ["cert", "key"];
    const sentence = `server.tls.${has} is set without server.tls.${lacks}. Set both.`;
    refuse({ origin: originOf(`server.tls.${has}`), sentence });
    return null;
  }
  const pemOf = (name: string, path: string): string => {
    const absolute = resolve(folderOf(given.get(name)), path);
    const read = readText(absolute);
    if (read.kind === "text") return absolute;
    refuse({ origin: originOf(name), sentence: `${name}: the file ${absolute} ${read.problem}.` });
    return absolute;
  };
  const certFile = pemOf("server.tls.cert", cert);
  return { kind: "files", certFile, keyFile: pemOf("server.tls.key", key) };
}

function refused(problems: readonly Problem[], sources: ConfigSources): ConfigResult {
  const file = sources.file?.path ?? null;
  const lines = inReadingOrder(problems).map((problem) => formatProblem(problem, file));
  return { kind: "refused", problems: lines };
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
