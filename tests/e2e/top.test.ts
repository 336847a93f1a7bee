// `gridlike top` as a person has it: on a terminal that is drawn on, resized and given back; and anywhere else.
import { afterEach, beforeAll, expect, test } from "bun:test";
import { buildOnce } from "../support/binary.ts";
import { openRealServer, realApiKey, type RealServer } from "../support/real-server.ts";
import { openTerminal } from "../support/terminal.ts";

let binary = "";

beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);
let server: RealServer | null = null;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = null;
});

async function aServer(): Promise<RealServer> {
  server = await openRealServer();
  await server.submit("frame-1");
  return server;
}

function environmentOf({ api }: RealServer) {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: "/nonexistent",
    TERM: "xterm",
    GRIDLIKE_URL: api.replace(/\/api$/, ""),
    GRIDLIKE_TOKEN: realApiKey,
  };
}

test("gridlike top prints one plain picture where there is no terminal", async () => {
  const env = environmentOf(await aServer());
  const run = Bun.spawn([binary, "top"], { env, stdin: "ignore", stderr: "pipe" });
  const [said, errors] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  expect(errors).toBe("");
  expect(await run.exited).toBe(0);
  expect(said.split("\n").slice(1)).toEqual(["jobs  1 pending", "grid  no worker", ""]);
});

test("gridlike top --json prints what it sees", async () => {
  const env = environmentOf(await aServer());
  const run = Bun.spawn([binary, "top", "--json"], { env, stdin: "ignore" });
  const seen = (await run.stdout.json()) as { readonly [name: string]: unknown };
  expect(Object.keys(seen)).toEqual(["url", "stats", "workers", "groups", "failures"]);
  expect(seen["stats"]).toMatchObject({ jobs: [{ status: "pending", count: 1 }] });
});

test("gridlike top draws on the terminal, follows its size, and gives it back", async () => {
  const running = await aServer();
  // The shell behind it tells how the terminal is when the command has ended.
  const words = ["sh", "-c", `"${binary}" top; echo "exit $?"; stty -a`];
  await using terminal = openTerminal(words, environmentOf(running), { columns: 80, rows: 24 });
  await terminal.until((screen) => screen.includes("1 pending"));
  expect(terminal.said()).toContain("\u001b[?1049h\u001b[?25l");
  expect(terminal.screen().length).toBe(24);

  await running.submit("frame-2");
  await terminal.until((screen) => screen.includes("2 pending"));

  terminal.resize({ columns: 30, rows: 7 });
  await terminal.until((_, lines) => lines.length === 7);
  for (const line of terminal.screen()) expect(Bun.stringWidth(line)).toBeLessThan(30);

  terminal.type("q");
  expect(await terminal.ended()).toBe(0);
  const end = terminal.said().split("\u001b[?25h\u001b[?1049l")[1] ?? "";
  expect(end).toContain("exit 0");
  for (const word of [/\bicanon\b/, /\becho\b/, /\bisig\b/]) expect(end).toMatch(word);
  expect(end).not.toMatch(/-(icanon|echo|isig)\b/);
}, 30_000);

test("gridlike top ends by Ctrl-C with its exit code, and has no colours where none are wanted", async () => {
  const env = { ...environmentOf(await aServer()), NO_COLOR: "1" };
  await using terminal = openTerminal([binary, "top"], env, { columns: 80, rows: 24 });
  await terminal.until((screen) => screen.includes("1 pending"));
  terminal.type("\u0003");
  expect(await terminal.ended()).toBe(130);
  expect(terminal.said()).toEndWith("\u001b[?25h\u001b[?1049l");
  // oxlint-disable-next-line no-control-regex
  expect(terminal.said()).not.toMatch(/\u001b\[[0-9;]*m/);
}, 30_000);

test("gridlike top outlives a restart of the server, and says that it is silent", async () => {
  const running = await aServer();
  const size = { columns: 80, rows: 24 };
  await using terminal = openTerminal([binary, "top"], environmentOf(running), size);
  await terminal.until((screen) => screen.includes("1 pending"));
  await running.stop();
  await terminal.until((screen) => screen.includes("no answer for"));
  await running.start();
  await terminal.until((screen) => !screen.includes("no answer for"));
  terminal.type("q");
  expect(await terminal.ended()).toBe(0);
}, 60_000);
