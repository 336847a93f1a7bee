// Rows of bytes. Small bytes stand in the row itself; large ones are named by the blob provider, and bytes
// with the same hash that stand already are used again: the name that was offered is then spare.

import { assert } from "../../domain/assert.ts";
import type { Content, NewContent } from "../../domain/blob-ref.ts";
import type { Counters } from "./counters.ts";
import { fromInlineName, toInlineName } from "./job-row.ts";
import type { RecentJobs } from "./recent-jobs.ts";
import type { Statements } from "./statements.ts";

/** Which row content will be kept in, decided before anything is written. */
export type Placement = {
  readonly blob: number;
  readonly isNew: boolean;
  readonly spare: string | null;
  /** What readers find the bytes by. */
  readonly name: string;
};

export type Contents = {
  place(content: NewContent): Placement;
  /** Inserts the row of a new placement. */
  write(placement: Placement, content: NewContent): void;
  /** Takes a row away if nothing refers to it; answers with the name that is thereby free. */
  release(blob: number): string | null;
  inline(content: Content): Uint8Array | null;
  uses(name: string): boolean;
};

export function createContents(
  statements: Statements,
  counters: Counters,
  recent: RecentJobs,
): Contents {
  function placeLarge(content: NewContent): Placement {
    assert(content.name !== "", "bytes that are not inline have a name");
    const standing = statements.blobBySha256.get({ sha256: Uint8Array.fromHex(content.sha256) });
    const { name } = content;
    if (standing === null) return { blob: counters.peekBlob(), isNew: true, spare: null, name };
    const spare = standing.name === name ? null : name;
    return { blob: standing.id, isNew: false, spare, name: standing.name };
  }

  return {
    place: (content) => {
      if (content.inline !== null) {
        const blob = counters.peekBlob();
        return { blob, isNew: true, spare: null, name: toInlineName(blob) };
      }
      const kept = fromInlineName(content.name);
      if (kept === null) return placeLarge(content);
      assert(statements.blobById.get({ id: kept }) !== null, `${content.name} is still kept`);
      return { blob: kept, isNew: false, spare: null, name: content.name };
    },
    write: ({ isNew }, { sha256, size, name, inline }) => {
      if (!isNew) return;
      counters.addBytes(size);
      const id = counters.takeBlob();
      if (inline !== null) recent.putBytes(id, inline);
      statements.insertBlob.run({
        id,
        sha256: Uint8Array.fromHex(sha256),
        size,
        name: inline === null ? name : null,
        bytes: inline,
      });
    },
    release: (blob) => {
      const gone = statements.deleteUnusedBlob.get({ id: blob });
      recent.dropBytes(blob);
      if (gone !== null) counters.addBytes(-gone.size);
      return gone?.name ?? null;
    },
    inline: ({ name }) => {
      const id = fromInlineName(name);
      if (id === null) return null;
      return recent.bytes(id) ?? statements.bytesOfBlob.get({ id })?.bytes ?? null;
    },
    uses: (name) => statements.blobByName.get({ name }) !== null,
  };
}
