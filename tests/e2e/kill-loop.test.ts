// The short form of the kill loop, for every run of the tests: the compiled binary is killed under load and
// loses nothing, and in the same run builds that are broken on purpose are caught. The whole campaign is
// `bun tests/e2e/kill-loop/campaign.ts --kills 200`.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce } from "../support/binary.ts";
import { createApi } from "../support/faults/api.ts";
import { bytesOf, sha256Of } from "../support/faults/bytes.ts";
import { catchSabotage } from "../support/faults/catch-sabotage.ts";
import { createFindings } from "../support/faults/findings.ts";
import { runKillLoop } from "../support/faults/kill-loop.ts";
import {
  buildSabotaged,
  sabotages,
  syncsNoBytes,
  syncsNoRecords,
  type BrokenBuild,
} from "../support/faults/sabotage.ts";
import { watchSyncs } from "../support/faults/sync-calls.ts";
import { createVictim, makeSecrets, reapAtExit } from "../support/faults/victim.ts";

const seed = Number(process.env["KILL_LOOP_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
let directory: string;

beforeAll(async () => {
  reapAtExit();
  directory = await mkdtemp(join(tmpdir(), "grid-kill-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe(`kill -9 under load, KILL_LOOP_SEED=${seed}`, () => {
  test("the server loses nothing it acknowledged, completes each job once and leaves none stuck [GL-35] [GL-51] [GL-65] [GL-04] [GL-11]", async () => {
    const { findings, figures } = await runKillLoop({
      binary: await buildOnce(),
      directory: join(directory, "real"),
      kills: 25,
      seed,
      isUnruly: true,
      settleMsMax: 45_000,
    });
    console.log(JSON.stringify(figures));
    expect(findings.lines()).toEqual([]);
    expect(figures.kills).toBe(25);
    const { acknowledged, unknown, done, successors, resultsRead, cancelled, deleted, blobCount } =
      figures;
    const happened = {
      acknowledged,
      unknown,
      done,
      successors,
      resultsRead,
      cancelled,
      deleted,
      blobCount,
    };
    for (const [what, count] of Object.entries(happened)) {
      expect(count, `how often: ${what}`).toBeGreaterThan(0);
    }
  }, 120_000);

  for (const sabotage of sabotages) {
    test(`a build that ${sabotage.does} is caught`, async () => {
      const { by, findings } = await catchSabotage(sabotage, directory, seed);
      expect(by.length, `found: ${findings.lines().join("\n")}`).toBeGreaterThan(0);
    }, 60_000);
  }
});

describe("what a kill cannot show: the syncs between a request and its answer", () => {
  test("an answer comes after its record and its bytes were synced, and builds that leave a sync out are seen [GL-35]", async () => {
    const synced = await syncedBeforeAnswer(await buildOnce(), "syncs");
    if (synced === null) return console.log("not tried: strace cannot watch processes here");
    expect(synced).toEqual({ small: ["record"], large: ["bytes", "name", "record"] });
    expect(await syncedByBroken(syncsNoRecords)).toEqual({ small: [], large: ["bytes", "name"] });
    expect(await syncedByBroken(syncsNoBytes)).toEqual({
      small: ["record"],
      large: ["name", "record"],
    });
  }, 60_000);
});

type Synced = { readonly small: readonly string[]; readonly large: readonly string[] };

async function syncedByBroken(build: BrokenBuild): Promise<Synced | null> {
  const binary = join(directory, build.name);
  await buildSabotaged(build, binary);
  return syncedBeforeAnswer(binary, `${build.name}.run`);
}

/** What was synced before a small and a large submission were answered; null where it cannot be watched. */
async function syncedBeforeAnswer(binary: string, name: string): Promise<Synced | null> {
  const secrets = makeSecrets();
  const findings = createFindings();
  const victim = await createVictim({
    binary,
    directory: join(directory, name),
    secrets,
    findings,
  });
  victim.start();
  try {
    expect(await victim.ready()).toBe(true);
    const watch = await watchSyncs(victim.pid, join(directory, `${name}.strace`));
    if (watch === null) return null;
    const { ask } = createApi(victim.url, secrets.apiKey);
    const submit = async (size: number) => {
      const payload = bytesOf(`${name} ${size}`, size);
      await watch.look();
      const answer = await ask("POST", `/jobs/submit/plain?key=size-${size}`, payload);
      expect(answer?.status).toBe(202);
      const shard = sha256Of(payload).slice(0, 2);
      return kindsOf(await watch.look(), victim.dataDir, shard);
    };
    const synced = { small: await submit(100), large: await submit(100_000) };
    await victim.abandon();
    await watch.stop();
    return synced;
  } finally {
    await victim.abandon();
  }
}

function kindsOf(paths: readonly string[], dataDir: string, shard: string): readonly string[] {
  const kinds = new Set<string>();
  for (const path of paths) {
    if (path.startsWith(join(dataDir, "grid.db"))) kinds.add("record");
    if (path.startsWith(join(dataDir, "blobs", "tmp", "/"))) kinds.add("bytes");
    if (path === join(dataDir, "blobs", shard)) kinds.add("name");
  }
  return [...kinds].toSorted();
}
