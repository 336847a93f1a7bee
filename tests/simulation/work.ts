// What jobs are about: payloads that say what will become of them, and the one function that every honest
// worker computes, so that any accepted result can be recomputed and compared.

import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { Chance } from "./chance.ts";

/** `poison` kills its worker, `broken` always fails, `slow` outlasts time limits. */
export type PayloadKind = "fine" | "poison" | "broken" | "slow";

export type Works = {
  /** Fresh bytes of this kind and about this size. */
  payload(kind: PayloadKind, sizeBytes: number): Uint8Array;
  /** The one right result. */
  result(type: string, payload: Uint8Array): Uint8Array;
  /** The bytes behind a hash that were ever made here, or null. */
  known(sha256: string): Uint8Array | null;
};

export function createWorks(chance: Chance): Works {
  const bytesBySha = new Map<string, Uint8Array>();
  const resultBySource = new Map<string, Uint8Array>();
  let count = 0;

  const remember = (bytes: Uint8Array) => {
    bytesBySha.set(sha256Hex(bytes), bytes);
    return bytes;
  };

  return {
    payload(kind, sizeBytes) {
      if (sizeBytes === 0) return remember(new Uint8Array());
      // Some payloads are the same bytes as others: their blobs are shared.
      const number = chance.is(0.2) ? chance.between(1, 3) : (count += 1) + 1_000;
      return remember(written(`${kind}|${number}|`, sizeBytes));
    },
    result(type, payload) {
      const source = `${type}:${sha256Hex(payload)}`;
      const standing = resultBySource.get(source);
      if (standing !== undefined) return standing;
      const digest = sha256Hex(new TextEncoder().encode(source));
      const sizes = [0, 20, 47, 48, 49, 120, 300, 390];
      const size = sizes[Number.parseInt(digest.slice(0, 4), 16) % sizes.length]!;
      const result = remember(size === 0 ? new Uint8Array() : written(`fine|${digest}|`, size));
      resultBySource.set(source, result);
      return result;
    },
    known: (sha256) => bytesBySha.get(sha256) ?? null,
  };
}

export function kindOf(payload: Uint8Array): PayloadKind {
  const [kind] = new TextDecoder().decode(payload.subarray(0, 10)).split("|");
  return kind === "poison" || kind === "broken" || kind === "slow" ? kind : "fine";
}

function written(head: string, sizeBytes: number): Uint8Array {
  return new TextEncoder().encode(head.padEnd(sizeBytes, "."));
}
