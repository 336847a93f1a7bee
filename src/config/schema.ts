// Every key of the configuration with its default and description, section by section. The loader, the example
// file and the reference are made from this one table, so they cannot disagree.

import * as v from "valibot";

import { descriptionCharactersMax, typeCountMax } from "../domain/limits.ts";
import { placements } from "../domain/placement.ts";
import {
  choice,
  flag,
  list,
  openSetting,
  seconds,
  setting,
  size,
  text,
  textLike,
  whole,
} from "./setting.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const TiB = 1024 * GiB;
const daySeconds = 86_400;

const path = text(4096);
const secret = textLike(/^[\x21-\x7e]{1,512}$/, "visible ASCII without spaces, at most 512 long");
const attempts = whole(1, 1000);
const grace = seconds(1, 7 * daySeconds);
const timeout = seconds(0.001, 365 * daySeconds);
const keep = seconds(1, 36_500 * daySeconds);
const payload = size(1, TiB);

/** What a section is for, and the schema of its keys. */
export type Section = {
  readonly about: string;
  readonly schema: v.ObjectSchema<v.ObjectEntries, undefined>;
};

export const sections = {
  server: {
    about: "Where the server listens and where it keeps its data.",
    schema: v.object({
      name: setting(text(64), "gridlike", "Shown to people: in pages, logs and contexts."),
      host: setting(
        textLike(/^[A-Za-z0-9._:%-]{1,255}$/, "an address or a host name"),
        "127.0.0.1",
        "Address to listen on. 127.0.0.1 is this machine alone, 0.0.0.0 every address it has.",
      ),
      port: setting(whole(0, 65_535), 7171, "TCP port. 0 is any free one."),
      path_base: setting(
        textLike(
          /^\/$|^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]{1,64}){1,8}\/?$/,
          'a path such as "/" or "/grid", of letters, digits, ".", "_", "~" and "-"',
        ),
        "/",
        "Stands before every path, for a reverse proxy that mounts the server below one.",
      ),
      classic: setting(flag(), true, "Serve workers that speak the original GridLike's protocol."),
      data_dir: setting(
        path,
        "data",
        "Folder of the database and of the payloads. One server at a time uses it.",
      ),
      behind_proxy: setting(
        list(64),
        [],
        'Networks of your reverse proxies, such as "10.0.0.0/8": their X-Forwarded headers are believed, and plain HTTP is accepted as their business.',
      ),
      insecure_http: setting(
        flag(),
        false,
        "Speak plain HTTP instead of TLS on an address that other machines reach, as workers of the original protocol may need: tokens and payloads are then readable on the way.",
      ),
    }),
  },
  "server.tls": {
    about:
      "HTTPS: with a certificate from files, or with one that the server makes itself. With neither it speaks plain HTTP.",
    schema: v.object({
      auto: openSetting(
        flag(),
        { example: "true" },
        "true: the server makes a certificate of its own at its first start, and workers recognise it by its pin. Left out: the same where other machines reach the server, unless files, behind_proxy or insecure_http say otherwise. false: never.",
      ),
      cert: openSetting(path, { example: '"tls.crt"' }, "PEM file of the certificate chain."),
      key: openSetting(path, { example: '"tls.key"' }, "PEM file of the private key."),
    }),
  },
  database: {
    about: "Where jobs are recorded.",
    schema: v.object({
      type: setting(choice(["sqlite"]), "sqlite", "Kind of database."),
      durability: setting(
        choice(["power", "process"]),
        "power",
        '"power": what was acknowledged survives a power cut. "process": it survives a crash of the program; faster where the disk is slow.',
      ),
    }),
  },
  storage: {
    about: "Where payloads and results are kept.",
    schema: v.object({
      type: setting(choice(["filesystem"]), "filesystem", "Kind of storage."),
      small_blob_bytes_max: setting(
        size(0, MiB),
        "32 KiB",
        "Up to this size bytes are kept in the database, which is faster. 0 makes each a file.",
      ),
      classic_bytes_max: setting(
        size(1, GiB),
        "64 MiB",
        "Larger payloads are not given to workers of the original protocol, which take them in one message.",
      ),
      low_disk_bytes: setting(
        size(0, 1024 * TiB),
        "1 GiB",
        "With less than this left on the disk no jobs are taken, so that those that run can end. 0 here and below turns that off.",
      ),
      low_disk_percent: setting(
        whole(0, 90),
        5,
        "The same as a part of the whole disk; the greater of the two counts.",
      ),
    }),
  },
  retention: {
    about:
      "What is taken away by itself. Left out: every job is kept until somebody deletes it. Ages count from the end of a job.",
    schema: v.object({
      done_s: openSetting(
        keep,
        { example: "2_592_000" },
        "Done jobs older than this are deleted with their bytes.",
      ),
      failed_s: openSetting(
        keep,
        { example: "7_776_000" },
        "The same for failed and cancelled jobs.",
      ),
      bytes_max: openSetting(
        size(1, 1024 * TiB),
        { example: '"100 GiB"' },
        "When payloads and results hold more than this, the jobs that ended first are deleted until they do not.",
      ),
      events_s: setting(
        keep,
        7 * daySeconds,
        "What is told of deleted jobs in the feed of events is forgotten after this time; the newest are always kept.",
      ),
    }),
  },
  "auth.worker": {
    about:
      "Who may work. Without a token the server makes one at its first start and tells it once.",
    schema: v.object({
      type: setting(
        choice(["simple", "none"]),
        "simple",
        '"simple": one token. "none": no authentication, refused where the whole internet reaches the server.',
      ),
      token: openSetting(
        secret,
        { example: '"…"', isSecret: true },
        "The token, at least 128 bits of chance.",
      ),
      token_file: openSetting(path, { example: '"worker.token"' }, "File that holds the token."),
      kick_after_ms: setting(
        whole(50, 60_000),
        500,
        "A worker of the original protocol has this long to register.",
      ),
    }),
  },
  "auth.api": {
    about: "Who may submit and read jobs. Without a key the server makes one at its first start.",
    schema: v.object({
      type: setting(
        choice(["simple", "none"]),
        "simple",
        '"simple": one key. "none": no authentication, refused where the whole internet reaches the server.',
      ),
      key: openSetting(
        secret,
        { example: '"…"', isSecret: true },
        "The key, at least 128 bits of chance.",
      ),
      key_file: openSetting(path, { example: '"api.key"' }, "File that holds the key."),
    }),
  },
  jobs: {
    about: "Limits of jobs, for every type that does not set its own.",
    schema: v.object({
      batch_size: setting(whole(1, 10_000), 100, "Jobs on one of the stable pages of a type."),
      payload_bytes_max: setting(payload, "1 GiB", "Largest payload, and largest result."),
      max_attempts: setting(attempts, 3, "Failures after which a job is failed."),
      max_crashes: setting(attempts, 3, "Workers lost while running a job before it is failed."),
      resume_grace_s: setting(
        grace,
        600,
        "Longest a worker may be away before its jobs are given to others.",
      ),
      timeout_s: openSetting(
        timeout,
        { example: "3600" },
        "Longest run of one attempt. Left out: no limit.",
      ),
    }),
  },
  placement: {
    about: "Which of several free workers is given a job.",
    schema: v.object({
      strategy: setting(
        choice(placements),
        placements[0],
        '"least-loaded": the one that holds least for its slots; of those that hold the same, the one whose machine is less busy, as far as it tells. "round-robin": the one whose turn it is.',
      ),
    }),
  },
} as const satisfies { readonly [name: string]: Section };

export type SectionName = keyof typeof sections;

/** What the sections hold once they were read. */
export type Settings = {
  readonly [Name in SectionName]: v.InferOutput<(typeof sections)[Name]["schema"]>;
};

export const sectionNames = Object.keys(sections) as readonly SectionName[]; // Its keys are that type.

export const typeSection = {
  about: `A type of job called NAME; up to ${typeCountMax}. Without any, the server has one unnamed type.`,
  schema: v.object({
    description: openSetting(
      text(descriptionCharactersMax),
      { example: '"draws random arm poses"' },
      "A line for people.",
    ),
    result_becomes: openSetting(
      text(64),
      { example: '"collide"' },
      "The type whose payload the result becomes, without leaving the server.",
    ),
    timeout_s: openSetting(timeout, { example: "600" }, "As in [jobs], for this type."),
    max_attempts: openSetting(attempts, { example: "3" }, "As in [jobs], for this type."),
    max_crashes: openSetting(attempts, { example: "3" }, "As in [jobs], for this type."),
    resume_grace_s: openSetting(grace, { example: "600" }, "As in [jobs], for this type."),
    payload_bytes_max: openSetting(payload, { example: '"1 GiB"' }, "As in [jobs], for this type."),
    keep_s: openSetting(
      keep,
      { example: "86_400" },
      "Jobs of this type are deleted so long after their end, in place of done_s and failed_s in [retention].",
    ),
  }),
} as const satisfies Section;

export type TypeSettings = v.InferOutput<typeof typeSection.schema>;

/** Keys that a later version will serve. Naming them beats calling them unknown. */
export const laterKeys: ReadonlyMap<string, string> = new Map([
  ["auth.dashboard", "Remove the section: this version has no page to sign in to."],
]);

/** Values that a later version will serve, by key. */
export const laterValues: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ["database.type", new Map([["postgresql", 'Use "sqlite".']])],
  ["storage.type", new Map([["s3", 'Use "filesystem".']])],
]);
