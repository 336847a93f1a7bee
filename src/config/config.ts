// What the rest of the program knows of its configuration: plain data in the product's own terms. Milliseconds,
// bytes and absolute paths, nothing left to interpret. Made by read-config.ts, frozen, handed on in parts.

import type { JobType } from "../domain/job-type.ts";
import type { Placement } from "../domain/placement.ts";

export type Config = {
  /** Where it was read from, an absolute path; null when everything is a default, a flag or a variable. */
  readonly file: string | null;
  readonly server: ServerConfig;
  readonly database: DatabaseConfig;
  readonly storage: StorageConfig;
  readonly retention: RetentionConfig;
  readonly auth: AuthConfig;
  readonly jobs: JobsConfig;
  /** How to choose among several free workers. */
  readonly placement: Placement;
  /** The configured ones, or one that is named ""; and always that of commands. */
  readonly types: readonly JobType[];
};

export type ServerConfig = {
  readonly name: string;
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  /** What stands before every path: "" or "/grid", never with a slash at its end. */
  readonly pathBase: string;
  /** Whether workers that speak the original protocol are served. */
  readonly classic: boolean;
  readonly dataDir: string;
  /** Networks whose X-Forwarded headers are believed, such as "10.0.0.0/8". */
  readonly behindProxy: readonly string[];
  readonly insecureHttp: boolean;
  /** Null is plain HTTP. */
  readonly tls: TlsConfig | null;
};

/** `files`: in PEM, absolute paths. `own`: the server makes a certificate at its first start and keeps it. */
export type TlsConfig =
  | { readonly kind: "files"; readonly certFile: string; readonly keyFile: string }
  | { readonly kind: "own" };

/** `power`: survives a power cut. `process`: survives a crash of the program, and is faster. */
export type Durability = "power" | "process";

export type DatabaseConfig = { readonly type: "sqlite"; readonly durability: Durability };

export type StorageConfig = {
  readonly type: "filesystem";
  /** Up to this size bytes are kept in the database. */
  readonly smallBlobBytesMax: number;
  /** Payloads above this size are not given to workers that speak the original protocol. */
  readonly classicBytesMax: number;
  /** No jobs are taken while less than the greater of the two is left; zeros turn that off. */
  readonly lowDiskBytes: number;
  readonly lowDiskPercent: number;
};

/** How long settled jobs are kept after their end; null is for ever. */
export type RetentionConfig = {
  readonly doneMs: number | null;
  /** For failed and cancelled ones. */
  readonly failedMs: number | null;
  /** By the name of a type that has a time of its own, whatever the end. */
  readonly msByType: ReadonlyMap<string, number>;
  readonly bytesMax: number | null;
  readonly eventsMs: number;
};

/** `generated`: the server makes one at its first start. */
export type Credential =
  | { readonly kind: "none" }
  | { readonly kind: "given"; readonly secret: string }
  | { readonly kind: "generated" };

export type AuthConfig = {
  readonly api: Credential;
  readonly worker: Credential;
  /** How long a classic worker may take to register. */
  readonly kickAfterMs: number;
};

export type JobsConfig = { readonly batchSize: number };
