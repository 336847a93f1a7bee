import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultUrl, findServer } from "../../../src/cli/server-address.ts";

const names = ["URL", "TOKEN", "TOKEN_FILE", "API_KEY", "API_KEY_FILE", "PIN", "CONTEXT"].map(
  (name) => `GRIDLIKE_${name}`,
);
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

const find = (given: { readonly name?: string; readonly url?: string } = {}) =>
  findServer({ name: given.name ?? null, url: given.url ?? null });
const dataDir = (name: string) => join(folder, name);
const entry = (name: string, url: string, more = "") =>
  `[[server]]\nname = "${name}"\ndata_dir = "${dataDir(name)}"\nurl = "${url}"\napi_key = "key-of-${name}"\n${more}`;

test("findServer() takes what the environment names before the context", () => {
  context(entry("a", "http://a"));
  process.env["GRIDLIKE_URL"] = "http://b";
  expect(find()).toEqual({ url: "http://b", urlFrom: "GRIDLIKE_URL", tokenFrom: null });
  process.env["GRIDLIKE_TOKEN"] = "t";
  process.env["GRIDLIKE_PIN"] = "sha256:1";
  expect(find()).toMatchObject({ token: "t", tokenFrom: "GRIDLIKE_TOKEN", pin: "sha256:1" });
  expect(find({ name: "a" })).toMatchObject({ url: "http://a", token: "key-of-a" });
});

test("findServer() reads a key from the file that the environment names", () => {
  process.env["GRIDLIKE_URL"] = "http://b";
  process.env["GRIDLIKE_TOKEN_FILE"] = join(folder, "key");
  expect(find()).toContain("GRIDLIKE_TOKEN_FILE");
  writeFileSync(join(folder, "key"), "secret\n");
  expect(find()).toMatchObject({ token: "secret", tokenFrom: join(folder, "key") });
});

test("findServer() takes an address from its flags, with the key that the context has for it", () => {
  context(entry("a", "http://a/", 'pin = "sha256:2"\n'));
  const a = { url: "http://a", token: "key-of-a", pin: "sha256:2", urlFrom: "--url" };
  expect(find({ url: "http://a" })).toMatchObject(a);
  expect(find({ name: "http://a" })).toMatchObject(a);
  expect(find({ url: "http://b" })).toEqual({ url: "http://b", urlFrom: "--url", tokenFrom: null });
});

test("findServer() takes the one server of the context, and asks for a name among several", () => {
  context(entry("a", "http://a"));
  expect(find()).toMatchObject({ url: "http://a", token: "key-of-a", dataDir: dataDir("a") });
  context(entry("a", "http://a") + entry("b", "http://b"));
  expect(find()).toContain("names several servers: a (http://a), b (http://b)");
  expect(find({ name: "b" })).toMatchObject({ url: "http://b", token: "key-of-b" });
});

test("findServer() takes the chosen one of several, else the one that runs on this machine", () => {
  const both = entry("a", "http://a") + entry("b", "http://b");
  context(`current = "b"\n${both}`);
  expect(find()).toMatchObject({ url: "http://b" });
  context(both);
  mkdirSync(dataDir("a"));
  writeFileSync(join(dataDir("a"), "HOLDER"), "{}");
  expect(find()).toMatchObject({ url: "http://a" });
  mkdirSync(dataDir("b"));
  writeFileSync(join(dataDir("b"), "HOLDER"), "{}");
  expect(find()).toContain("names several servers");
});

test("findServer() tries the usual place when nothing names a server", () => {
  process.env["GRIDLIKE_CONTEXT"] = join(folder, "nowhere.toml");
  process.env["GRIDLIKE_TOKEN"] = "t";
  expect(find()).toMatchObject({ url: defaultUrl, urlFrom: null, token: "t" });
});

test("findServer() says what is wrong with the context, and names the nearest server", () => {
  context(entry("closet", "http://a"));
  expect(find({ name: "clsoet" })).toContain('names no server "clsoet". Did you mean "closet"?');
  context("[[server");
  expect(find()).toContain("is not valid TOML");
});
