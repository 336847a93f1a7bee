// A database that no server uses: a copy within a backup, or that of a stopped server. It is only read, and nothing in
// it is trusted: who asks is told what stands there.

import { Database } from "bun:sqlite";
import { databaseFindingsMax } from "../../domain/limits.ts";
import { toIdText } from "./id-bytes.ts";
import { applicationId, knownVersion } from "./open-database.ts";
import * as sql from "./stored-copy-sql.ts";

export type NamedBlob = { readonly name: string; readonly sha256: string; readonly size: number };
export type InlineBlob = {
  readonly id: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
};

export type StoredCopy = {
  /** `foreign`: of another program. `newer`: of a version that this program does not know. */
  readonly kind: "ours" | "foreign" | "newer";
  /** How far it has come, and whose it is. */
  facts(): CopyFacts;
  /** What the engine finds wrong with the file, slowly; nothing for a sound one. */
  check(how: "quick" | "thorough"): readonly string[];
  /** Blobs that a provider keeps, by name after `after`. */
  blobs(after: string, limit: number): readonly NamedBlob[];
  namesBlob(name: string): boolean;
  /** Bytes that the database keeps itself, by number after `after`. */
  inline(after: number, limit: number): readonly InlineBlob[];
  /** A few of the jobs that refer to a blob, by key. */
  usersOf(blob: { readonly name: string } | { readonly id: number }): readonly string[];
  close(): void;
};

export type CopyFacts = {
  readonly eventSeq: number;
  readonly incarnation: number;
  readonly clusterId: string | null;
};

/** Throws what the engine says when the file cannot be opened. */
export function openStoredCopy(file: string): StoredCopy {
  const db = new Database(file, { readonly: true, strict: true });
  try {
    return createCopy(db);
  } catch (error) {
    db.close(true);
    throw error;
  }
}

type Bindings = { readonly [name: string]: string | number };

function createCopy(db: Database): StoredCopy {
  const all = <Row>(text: string, bindings: Bindings = {}): Row[] =>
    db.query<Row, Bindings[]>(text).all(bindings);
  const number = (pragma: "application_id" | "user_version" | "schema_version") =>
    all<Record<string, number>>(`PRAGMA ${pragma}`)[0]?.[pragma] ?? 0;
  const setting = (name: string) =>
    all<{ readonly value: string }>(sql.COPY_SETTING, { name })[0]?.value ?? null;
  const isOurs = number("application_id") === applicationId && number("user_version") > 0;
  const isKnown = number("user_version") <= knownVersion;

  return {
    kind: isOurs ? (isKnown ? "ours" : "newer") : "foreign",
    facts: () => ({
      eventSeq: all<{ readonly event: number }>(sql.COPY_COUNTERS)[0]?.event ?? 0,
      incarnation: Number(setting("incarnation") ?? "0"),
      clusterId: setting("cluster_id"),
    }),
    check(how) {
      const pragma = how === "quick" ? "quick_check" : "integrity_check";
      const rows = all<Record<string, string>>(`PRAGMA ${pragma}(${databaseFindingsMax})`);
      return rows.flatMap(Object.values<string>).filter((found) => found !== "ok");
    },
    blobs: (after, limit) =>
      all<BlobRow>(sql.BLOBS_AFTER, { after, limit }).map(({ name, sha256, size }) => {
        return { name, sha256: sha256.toHex(), size };
      }),
    namesBlob: (name) => all(sql.IS_BLOB_NAMED, { name }).length > 0,
    inline: (after, limit) =>
      all<InlineRow>(sql.INLINE_AFTER, { after, limit }).map(({ id, sha256, bytes }) => {
        return { id, sha256: sha256.toHex(), bytes };
      }),
    usersOf(of) {
      const blob = "id" in of ? of.id : all<{ readonly id: number }>(sql.BLOB_NUMBER, of)[0]?.id;
      if (blob === undefined) return [];
      return all<UserRow>(sql.USERS_OF_BLOB, { blob }).map(({ id, key }) => key ?? toIdText(id));
    },
    close: () => db.close(true),
  };
}

type BlobRow = { readonly name: string; readonly sha256: Uint8Array; readonly size: number };
type InlineRow = { readonly id: number; readonly sha256: Uint8Array; readonly bytes: Uint8Array };
type UserRow = { readonly id: Uint8Array; readonly key: string | null };
