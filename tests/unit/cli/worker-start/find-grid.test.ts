import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findGrid, type GridFlags } from "../../../../src/cli/worker-start/find-grid.ts";

const pin = `sha256:${"ab".repeat(32)}`;
let folder = "";
let context = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-find-"));
  context = join(folder, "context.toml");
  writeFileSync(
    context,
    `[[server]]\nname = "closet"\nurl = "https://closet:7171/"\nworker_token = "of-closet"\npin = "${pin}"\n\n` +
      `[[server]]\nname = "attic"\nurl = "http://attic:7171/"\nworker_token = "of-attic"\n`,
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

const noFlags: GridFlags = { server: null, token: null, tokenFile: null, pin: null };
const find = (flags: Partial<GridFlags>, variables: { readonly [name: string]: string } = {}) =>
  findGrid({ ...noFlags, ...flags }, { GRIDLIKE_CONTEXT: context, ...variables });

test("findGrid() takes a server by its name in the context, with token and pin", () => {
  expect(find({ server: "closet" })).toEqual({
    url: "https://closet:7171/",
    urlFrom: context,
    token: "of-closet",
    tokenFrom: context,
    pin,
  });
});

test("findGrid() knows token and pin of an address that the context has, however it is written", () => {
  for (const server of ["https://closet:7171", "wss://closet:7171/", "WSS://closet:7171"]) {
    expect(find({ server })).toMatchObject({ url: server, token: "of-closet", pin });
  }
  expect(find({ server: "https://other:7171" })).toMatchObject({ token: null, pin: null });
});

test("findGrid() takes the only server there is, and asks which where there are several", () => {
  expect(find({})).toContain("several servers");
  writeFileSync(context, `[[server]]\nname = "one"\nurl = "http://one:1/"\nworker_token = "t"\n`);
  expect(find({})).toMatchObject({ url: "http://one:1/", token: "t" });
  writeFileSync(context, "");
  expect(find({})).toMatchObject({ url: "http://127.0.0.1:7171", urlFrom: null, token: null });
});

test("findGrid() puts flags before variables, and variables before the context", () => {
  const variables = {
    GRIDLIKE_URL: "https://closet:7171",
    GRIDLIKE_TOKEN: "of-variable",
    GRIDLIKE_PIN: "of-variable",
  };
  expect(find({}, variables)).toMatchObject({
    url: "https://closet:7171",
    urlFrom: "GRIDLIKE_URL",
    token: "of-variable",
    tokenFrom: "GRIDLIKE_TOKEN",
    pin: "of-variable",
  });
  const flags = { server: "http://attic:7171", token: "of-flag", pin: "of-flag" };
  expect(find(flags, variables)).toMatchObject({
    url: "http://attic:7171",
    urlFrom: "--server",
    token: "of-flag",
    pin: "of-flag",
  });
  const own = { ...variables, GRIDLIKE_WORKER_TOKEN: "of-worker" };
  expect(find({}, own)).toMatchObject({ token: "of-worker" });
});

test("findGrid() reads a token from a file, and says when it cannot", () => {
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, "  of-file\n");
  expect(find({ server: "attic", tokenFile })).toMatchObject({ token: "of-file" });
  expect(find({ server: "attic" }, { GRIDLIKE_TOKEN_FILE: tokenFile })).toMatchObject({
    token: "of-file",
  });
  expect(find({ tokenFile: join(folder, "none") })).toContain("does not exist");
  writeFileSync(tokenFile, "\n");
  expect(find({ tokenFile })).toContain("is empty");
  expect(find({ tokenFile, token: "x" })).toContain("both give a token");
});

test("findGrid() refuses what is neither an address nor a name", () => {
  expect(find({ server: "closet:7171" })).toContain("https://closet:7171");
  expect(find({}, { GRIDLIKE_URL: "closet" })).toStartWith("GRIDLIKE_URL is");
  expect(find({ server: "closset" })).toContain('"closset"');
});

test("findGrid() needs no context where everything is said", () => {
  writeFileSync(context, "this is no TOML [");
  expect(find({ server: "http://a:1", token: "t" })).toMatchObject({ url: "http://a:1" });
  expect(find({ server: "http://a:1" })).toContain("not valid TOML");
});
