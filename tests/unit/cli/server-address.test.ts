import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findServer } from "../../../src/cli/server-address.ts";

const names = ["GRIDLIKE_URL", "GRIDLIKE_TOKEN", "GRIDLIKE_API_KEY", "GRIDLIKE_CONTEXT"];
let before: readonly (string | undefined)[];
let folder: string;
beforeEach(() => {
  before = names.map((name) => process.env[name]);
  for (const name of names) delete process.env[name];
  folder = mkdtempSync(join(tmpdir(), "server-address-"));
});
afterEach(() => {
  for (const [index, name] of names.entries()) {
    const value = before[index];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(folder, { recursive: true });
});

function context(text: string): void {
  const path = join(folder, "context.toml");
  writeFileSync(path, text);
  process.env["GRIDLIKE_CONTEXT"] = path;
}

const entry = (name: string, url: string) =>
  `[[server]]\nname = "${name}"\ndata_dir = "/srv/${name}"\nurl = "${url}"\napi_key = "key-of-${name}"\n`;

test("findServer() takes what the environment names before the context", async () => {
  context(entry("a", "http://a"));
  process.env["GRIDLIKE_URL"] = "http://b";
  expect(await findServer(null)).toEqual({ url: "http://b" });
  process.env["GRIDLIKE_TOKEN"] = "t";
  expect(await findServer(null)).toEqual({ url: "http://b", token: "t" });
  expect(await findServer("a")).toEqual({ url: "http://a", token: "key-of-a" });
});

test("findServer() takes the one server of the context, and asks for a name among several", async () => {
  context(entry("a", "http://a"));
  expect(await findServer(null)).toEqual({ url: "http://a", token: "key-of-a" });
  context(entry("a", "http://a") + entry("b", "http://b"));
  expect(await findServer(null)).toContain("names several servers: a (http://a), b (http://b)");
  expect(await findServer("b")).toEqual({ url: "http://b", token: "key-of-b" });
});

test("findServer() says how to name a server when it knows none", async () => {
  process.env["GRIDLIKE_CONTEXT"] = join(folder, "nowhere.toml");
  expect(await findServer(null)).toContain("Set GRIDLIKE_URL and GRIDLIKE_TOKEN");
  context(entry("a", "http://a"));
  expect(await findServer("c")).toContain('names no server "c"');
  context("[[server");
  expect(await findServer(null)).toContain("is not valid TOML");
});
