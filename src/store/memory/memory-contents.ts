// Bytes that jobs refer to, by name: small ones themselves, large ones only named. Bytes with the same hash
// that a blob provider keeps already are used again; the name that was offered is then spare.

import {
  inlineNameStart,
  toContent,
  type Content,
  type NewContent,
} from "../../domain/blob-ref.ts";
import { assert } from "../../domain/assert.ts";
import type { JobSeq } from "../../domain/job.ts";

export type MemoryContents = {
  /** Refers a job to bytes; the answer names where they are kept. */
  use(
    content: NewContent,
    by: JobSeq,
  ): { readonly content: Content; readonly spare: string | null };
  /** Takes a job's reference away; answers with the name of a blob provider that is thereby free. */
  release(name: string, by: JobSeq): string | null;
  inline(content: Content): Uint8Array | null;
  uses(name: string): boolean;
  bytesKept(): number;
};

type Blob = {
  readonly sha256: string;
  readonly size: number;
  readonly bytes: Uint8Array | null;
  readonly users: Set<JobSeq>;
};

export function createMemoryContents(): MemoryContents {
  const blobsByName = new Map<string, Blob>();
  let blobCount = 0;

  function findLarge(sha256: string): string | null {
    for (const [name, blob] of blobsByName) {
      if (blob.sha256 === sha256 && blob.bytes === null) return name;
    }
    return null;
  }

  function nameFor({ inline, name, sha256 }: NewContent): string {
    if (inline !== null) return `${inlineNameStart}${blobCount + 1}`;
    if (name.startsWith(inlineNameStart)) return name;
    return findLarge(sha256) ?? name;
  }

  return {
    use: (offered, by) => {
      const name = nameFor(offered);
      const { sha256, size, inline } = offered;
      assert(name !== "", "bytes that are not inline have a name");
      if (!blobsByName.has(name)) {
        assert(inline !== null || !name.startsWith(inlineNameStart), `${name} is still kept`);
        const bytes = inline?.slice() ?? null;
        blobsByName.set(name, { sha256, size, bytes, users: new Set() });
        blobCount += 1;
      }
      blobsByName.get(name)?.users.add(by);
      const isSpare = inline === null && offered.name !== name;
      return { content: { ...toContent(offered), name }, spare: isSpare ? offered.name : null };
    },
    release: (name, by) => {
      const blob = blobsByName.get(name);
      blob?.users.delete(by);
      if (blob === undefined || blob.users.size > 0) return null;
      blobsByName.delete(name);
      return blob.bytes === null ? name : null;
    },
    inline: ({ name }) => blobsByName.get(name)?.bytes ?? null,
    uses: (name) => blobsByName.get(name)?.bytes === null,
    bytesKept: () => [...blobsByName.values()].reduce((sum, { size }) => sum + size, 0),
  };
}
