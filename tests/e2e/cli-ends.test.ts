// How commands end that somebody ends: an interrupt, and a reader that has seen enough.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce } from "../support/binary.ts";

let binary = "";
let folder = "";

beforeAll(async () => {
  binary = await buildOnce();
  folder = mkdtempSync(join(tmpdir(), "gridlike-ends-"));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const job = { id: "0199b6a2-1111-7222-8333-444455556666", seq: 1, key: "k", status: "pending" };

/** A server that answers as `answer` says. */
function serve(answer: (url: URL) => Response | Promise<Response>) {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    fetch: (request) => answer(new URL(request.url)),
  });
}

function gridlike(url: URL, ...words: readonly string[]) {
  return Bun.spawn([binary, ...words], {
    cwd: folder,
    env: { HOME: folder, GRIDLIKE_URL: url.href },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
  });
}

test("gridlike wait says on Ctrl-C that the jobs go on, and exits 130", async () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    const asked = Promise.withResolvers<void>();
    const seen: string[] = [];
    using server = serve(({ pathname, searchParams }) => {
      seen.push(pathname);
      if (!searchParams.has("wait_s")) return Response.json(job);
      asked.resolve();
      return new Promise<Response>(() => {});
    });
    const run = gridlike(server.url, "wait", "k");
    await asked.promise;
    run.kill(signal);
    expect(await run.stderr.text()).toBe(
      "Interrupted. The jobs go on; gridlike cancel would end them.\n",
    );
    expect([await run.exited, await run.stdout.text()]).toEqual([code, ""]);
    expect(seen.every((path) => path.startsWith("/api/jobs/"))).toBe(true);
    await server.stop(true);
  }
}, 60_000);

test("gridlike ls ends quietly when its reader has seen enough", async () => {
  const jobs = Array.from({ length: 1000 }, (_, index) => ({
    ...job,
    seq: index + 1,
    key: "k".repeat(200),
  }));
  let pageCount = 0;
  using server = serve(({ origin }) => {
    pageCount += 1;
    const link = `<${origin}/api/jobs?cursor=c${pageCount}>; rel="next"`;
    return Response.json(jobs, { headers: { link } });
  });
  const run = gridlike(server.url, "ls", "--all", "--json");
  const reader = run.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect([await run.exited, await run.stderr.text()]).toEqual([0, ""]);
  await server.stop(true);
}, 60_000);

test("gridlike says at once that nobody is there, and exits 3", async () => {
  const startedAt = performance.now();
  const run = gridlike(new URL("http://127.0.0.1:1"), "ls");
  expect(await run.stderr.text()).toStartWith("gridlike: No server answers at http://127.0.0.1:1/");
  expect(await run.exited).toBe(3);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
}, 30_000);
