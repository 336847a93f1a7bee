// What an operator does with the data of a server, by the compiled program: back it up while it works, put it back,
// have it examined; and what the server does when its disk is nearly full.

import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce } from "../support/binary.ts";

const apiKey = "zK7vQ2mX9pL4tR8wB3nH6jD1sF5gC0yA";
let binary = "";
let folder = "";
const running = new Set<Bun.Subprocess>();

beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-storage-"));
});
afterEach(async () => {
  for (const run of running) run.kill("SIGKILL");
  await Promise.all([...running].map((run) => run.exited));
  running.clear();
  rmSync(folder, { recursive: true });
});

/** Starts a server on the folder `data`; answers with its address. */
async function serve(data: string, env: { readonly [name: string]: string } = {}) {
  const run = Bun.spawn([binary, "server", "start", "--port", "0", "--data-dir", data], {
    cwd: folder,
    env: { HOME: folder, GRIDLIKE_AUTH_API_KEY: apiKey, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  running.add(run);
  const reader = run.stderr.getReader();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The server ended: ${said}`);
    said += new TextDecoder().decode(value);
    const url = /listens at (\S+?)\/? and/.exec(said)?.[1];
    if (url === undefined) continue;
    void (async () => {
      while (!(await reader.read()).done); // Else the server could not write its log.
    })();
    return { run, url };
  }
}

async function gridlike(words: readonly string[], env: { readonly [name: string]: string } = {}) {
  const run = Bun.spawn([binary, ...words], {
    cwd: folder,
    env: { HOME: folder, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
  });
  const [stdout, stderr] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  return { code: await run.exited, stdout, stderr };
}

const noise = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const headers = { "X-API-KEY": apiKey };

async function submit(url: string, key: string, body: Uint8Array): Promise<number> {
  const path = `${url}/api/jobs/submit?key=${key}`;
  const answer = await fetch(path, { method: "POST", headers, body: new Blob([body]) });
  await answer.arrayBuffer();
  return answer.status;
}

test("gridlike backup under load: each one is restored whole, with all that was acknowledged before [R-24]", async () => {
  const { run, url } = await serve("data");
  const bytesByKey = new Map<string, Uint8Array>();
  let isLoading = true;
  const load = async (name: number) => {
    for (let n = 0; isLoading; n += 1) {
      const key = `w${name}-${n}`;
      const bytes = noise(n % 3 === 0 ? 60_000 : 500);
      if ((await submit(url, key, bytes)) !== 202) continue;
      bytesByKey.set(key, bytes);
      if (n % 4 !== 1) continue;
      // Deleted ones may be in a backup or not; their bytes must not break it.
      bytesByKey.delete(key);
      await (await fetch(`${url}/api/jobs/${key}/delete`, { method: "POST", headers })).text();
    }
  };
  const loads = [load(0), load(1), load(2)];
  const acknowledged: (readonly string[])[] = [];
  for (let n = 0; n < 3; n += 1) {
    await Bun.sleep(700); // What is backed up is to change between two backups.
    acknowledged.push([...bytesByKey.keys()]);
    const saved = await gridlike(["backup", `${n}.tar`], {
      GRIDLIKE_URL: url,
      GRIDLIKE_TOKEN: apiKey,
    });
    expect(saved).toMatchObject({ code: 0, stderr: "" });
  }
  isLoading = false;
  await Promise.all(loads);
  run.kill("SIGTERM");
  expect(await run.exited).toBe(0);

  for (const [n, keys] of acknowledged.entries()) {
    expect(keys.length).toBeGreaterThan(3);
    const target = `restored-${n}`;
    expect(await gridlike(["restore", `${n}.tar`, "--data-dir", target])).toMatchObject({
      code: 0,
    });
    const found = await gridlike(["doctor", "--data-dir", target, "--deep", "--json"]);
    expect(JSON.parse(found.stdout).findings).toEqual([]);
    expect(found.code).toBe(0);
    const again = await serve(target);
    for (const key of keys.filter((_, index) => index % 10 === 0 || index > keys.length - 20)) {
      const answer = await fetch(`${again.url}/api/jobs/${key}/payload`, { headers });
      expect([key, answer.status]).toEqual([key, 200]);
      const bytes = Buffer.from(await answer.arrayBuffer());
      expect(bytes.equals(bytesByKey.get(key)!)).toBe(true);
    }
    again.run.kill("SIGTERM");
    expect(await again.run.exited).toBe(0);
  }
}, 120_000);

test("gridlike backup knows the server of this machine from its context.toml, and refuses what is in its way", async () => {
  const { url } = await serve("data", { GRIDLIKE_AUTH_API_KEY: "" });
  const saved = await gridlike(["backup", "grid.tar", "--json"]);
  expect(saved).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(saved.stdout)).toMatchObject({ blobs: 0, damaged: [], file: "grid.tar" });
  const again = await gridlike(["backup", "grid.tar"]);
  expect(again).toMatchObject({ code: 2, stdout: "" });
  expect(again.stderr).toContain("is there already");
  expect(await gridlike(["backup", "grid.tar", "--force"])).toMatchObject({ code: 0 });

  const wrong = await gridlike(["backup", "b.tar"], { GRIDLIKE_URL: url, GRIDLIKE_TOKEN: "wrong" });
  expect(wrong).toMatchObject({ code: 4, stdout: "" });
  const nobody = await gridlike(["backup", "b.tar"], { GRIDLIKE_URL: "http://127.0.0.1:1" });
  expect(nobody).toMatchObject({ code: 3, stdout: "" });
  const unknown = await gridlike(["backup", "b.tar", "--server", "elsewhere"]);
  expect(unknown.code).toBe(2);
  expect(readdirSync(folder)).not.toContain("b.tar");
}, 120_000);

test("gridlike doctor tells apart: nothing wrong, something found, cannot be examined", async () => {
  const { run, url } = await serve("data");
  expect(await submit(url, "large", noise(50_000))).toBe(202);
  const busy = await gridlike(["doctor", "--data-dir", "data"]);
  expect(busy).toMatchObject({ code: 3, stdout: "" });
  expect(busy.stderr).toContain("in use by another server");
  run.kill("SIGKILL");
  await run.exited;
  const sound = await gridlike(["doctor", "--data-dir", "data", "--deep"]);
  expect(sound).toMatchObject({ code: 0, stderr: "" });
  expect(sound.stdout).toContain("Nothing is wrong.");

  const blobs = join(folder, "data/blobs");
  const shard = readdirSync(blobs).find((name) => /^[0-9a-f]{2}$/.test(name))!;
  const name = readdirSync(join(blobs, shard))[0]!;
  const orphan = `${name.slice(0, -4)}${name.endsWith("0000") ? "1111" : "0000"}`;
  copyFileSync(join(blobs, shard, name), join(blobs, shard, orphan));
  writeFileSync(join(blobs, shard, name), noise(50_000));
  const found = await gridlike(["doctor", "--data-dir", "data", "--deep"]);
  expect(found).toMatchObject({ code: 1, stderr: "" });
  expect(found.stdout).toContain("used by large");
  expect(found.stdout).toContain("leftover: Files hold bytes that no job refers to");
  writeFileSync(join(folder, "grid.toml"), '[server]\ndata_dir = "nowhere"\n');
  expect(await gridlike(["doctor", "--config", "grid.toml"])).toMatchObject({ code: 3 });
}, 120_000);

test("a server with a disk that is nearly full refuses jobs before it reads them, and says so", async () => {
  const { url } = await serve("data", { GRIDLIKE_STORAGE_LOW_DISK_BYTES: "900 TiB" });
  const head = await headOfRefusal(url);
  expect(head).toStartWith("HTTP/1.1 507");
  expect(head.toLowerCase()).toContain("retry-after: ");
  const stats = await fetch(`${url}/api/stats`, { headers });
  expect(await stats.json()).toMatchObject({ disk: { level: "low" }, jobs: [] });
}, 60_000);

/** The answer to a submission that announces a large body and sends none of it. */
async function headOfRefusal(url: string): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const answered = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname);
  socket.on("data", (chunk) => answered.resolve(String(chunk)));
  socket.on("error", answered.reject);
  socket.write(
    `POST /api/jobs/submit HTTP/1.1\r\nHost: ${host}\r\nX-API-KEY: ${apiKey}\r\nContent-Length: 100000000\r\n\r\n`,
  );
  try {
    return await answered.promise;
  } finally {
    socket.destroy();
  }
}
