// A server as its operator meets it: the first start, the ends it can come to, and what it refuses.
import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPinned } from "../../src/platform/pinned-tls.ts";
import { buildOnce } from "../support/binary.ts";

let binary = "";
let folder = "";
const running = new Set<Bun.Subprocess>();

beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-start-"));
});
afterEach(async () => {
  for (const run of running) run.kill("SIGKILL");
  await Promise.all([...running].map((run) => run.exited));
  running.clear();
  rmSync(folder, { recursive: true });
});

/** Starts the binary in the test's folder, which is its home as well. */
function start(...words: readonly string[]) {
  const run = Bun.spawn([binary, ...words], {
    cwd: folder,
    env: { HOME: folder },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
  });
  running.add(run);
  const reader = run.stderr.getReader();
  let said = "";
  const read = async () => {
    const { value, done } = await reader.read();
    said += new TextDecoder().decode(value);
    return !done;
  };
  /** What fits the pattern, once it was said. */
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(said)?.[0];
      if (found !== undefined) return found;
      if (!(await read())) throw new Error(`It ended without saying ${pattern}: ${said}`);
    }
  };
  return {
    run,
    said: () => said,
    /** The address it listens at. */
    async url(): Promise<string> {
      return (await until(/listens at \S+/)).slice("listens at ".length);
    },
    until,
    /** Its exit code, after everything that it said was read. */
    async end(): Promise<number> {
      while (await read());
      return run.exited;
    },
  };
}

const contextText = () => readFileSync(join(folder, ".config/gridlike/context.toml"), "utf8");
const statusAt = async (url: string, key: string) =>
  (await fetch(new URL("api/jobs", url), { headers: { "X-API-KEY": key } })).status;

test("gridlike server start serves this machine alone and makes its credentials once", async () => {
  const first = start("server", "start", "--port", "0");
  const url = await first.url();
  expect(new URL(url).hostname).toBe("127.0.0.1");
  const key = /gla_\S+/.exec(first.said())?.[0] ?? "";
  expect(key).not.toBe("");
  expect(contextText()).toContain(key);
  expect(contextText()).toContain(url);
  expect(await statusAt(url, key)).toBe(200);
  expect(await statusAt(url, "wrong")).toBe(401);
  first.run.kill("SIGTERM");
  expect(await first.end()).toBe(0);

  const second = start("server", "start", "--port", "0");
  const again = await second.url();
  expect(second.said()).not.toContain("gla_");
  expect(await statusAt(again, key)).toBe(200);
  expect(contextText()).toContain(again);
});

test("gridlike stops in order and exits 0 when it is asked, by a service or at the terminal", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const server = start("server", "start", "--port", "0");
    await server.url();
    server.run.kill(signal);
    expect(await server.end()).toBe(0);
    expect(server.said()).toContain('"event":"server.stopped"');
    expect(await server.run.stdout.text()).toBe("");
  }
});

test("gridlike --config starts the server that the file describes [GL-75] [GL-86]", async () => {
  const key = "Zk3vQ8rT1xW6yB0nM5cJ9hL2";
  const text = `[server]\nport = 0\ndata_dir = "mine"\n[auth.api]\nkey = "${key}"\n[types.sample]\n`;
  writeFileSync(join(folder, "gridlike.toml"), text);
  const server = start("--config", "gridlike.toml");
  const url = await server.url();
  expect(server.said()).toContain(join(folder, "mine"));
  expect(server.said()).not.toContain("gla_");
  expect(await statusAt(url, key)).toBe(200);
});

test("gridlike refuses a second server on the same data, and the first goes on", async () => {
  const first = start("server", "start", "--port", "0");
  const url = await first.url();
  const second = start("server", "start", "--port", "0");
  expect(await second.end()).not.toBe(0);
  expect(second.said()).toMatch(/^gridlike: .*\bdata\b/m);
  expect((await fetch(new URL("livez", url))).status).toBe(200);
});

test("gridlike says that its port is taken, and exits 3", async () => {
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  try {
    const server = start("server", "start", "--port", String(taken.port));
    expect(await server.end()).toBe(3);
    expect(server.said()).toMatch(/^gridlike: .*listens at .*--port/m);
  } finally {
    await taken.stop(true);
  }
});

test("gridlike server start --host 0.0.0.0 speaks TLS alone, and prints the line that others join with", async () => {
  const first = start("server", "start", "--port", "0", "--host", "0.0.0.0");
  const { port } = new URL(await first.url());
  const local = `https://127.0.0.1:${port}/`;
  const { address, token, pin } = await joinLineOf(first);
  expect(new URL(address).port).toBe(port);
  expect(new URL(address).hostname).not.toBe("0.0.0.0");
  expect(contextText()).toContain(`url = "${local}"`);
  expect(contextText()).toContain(`worker_token = "${token}"`);
  expect(contextText()).toContain(`pin = "${pin}"`);
  const tls = await openPinned(local, pin);
  expect((await fetch(new URL("livez", local), { tls })).status).toBe(200);
  expect(await fetch(`http://127.0.0.1:${port}/livez`).catch(() => "not in the clear")).toBe(
    "not in the clear",
  );
  const wrong = openPinned(local, `sha256:${"0".repeat(64)}`).catch(String);
  expect(await wrong).toContain(pin);
  first.run.kill("SIGTERM");
  expect(await first.end()).toBe(0);

  // What stands in the context is printed again; the API key is not.
  const second = start("server", "start", "--port", "0", "--host", "0.0.0.0");
  await second.url();
  expect(await joinLineOf(second)).toMatchObject({ token, pin });
  expect(second.said()).not.toContain("gla_");
});

test("gridlike server start --insecure-http is plain beyond this machine, and joined without a pin", async () => {
  const server = start("server", "start", "--port", "0", "--host", "0.0.0.0", "--insecure-http");
  const url = await server.url();
  expect(url).toStartWith("http://");
  const line = await server.until(/^ {2}gridlike worker start --server http:.*(?=\n)/m);
  expect(line).toMatch(/ --join glw_\S+ -- COMMAND$/);
  expect((await fetch(`http://127.0.0.1:${new URL(url).port}/livez`)).status).toBe(200);
});

test("gridlike server start does not open itself in the clear where no certificate is to be made", async () => {
  writeFileSync(join(folder, "gridlike.toml"), "[server.tls]\nauto = false\n");
  const server = start("--config", "gridlike.toml", "--port", "0", "--host", "0.0.0.0");
  expect(await server.end()).toBe(2);
  expect(server.said()).toStartWith('--host: server.host is "0.0.0.0"');
  expect(server.said()).toContain("--insecure-http");
});

async function joinLineOf(server: ReturnType<typeof start>) {
  const line = await server.until(/^ {2}gridlike worker start --server https:.*(?=\n)/m);
  const pattern = /--server (\S+) --join (glw_\S+) --pin (sha256:[0-9a-f]{64}) -- COMMAND$/;
  const [, address = "", token = "", pin = ""] = pattern.exec(line) ?? [];
  return { address, token, pin };
}
