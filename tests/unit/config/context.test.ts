import { expect, test } from "bun:test";
import { contextPath, findEntry, withEntry } from "../../../src/config/context.ts";
import type { ContextEntry } from "../../../src/config/context.ts";

const closet: ContextEntry = {
  dataDir: "/srv/data",
  name: "closet",
  url: "http://127.0.0.1:7171/",
  apiKey: "gla_1",
  workerToken: "glw_1",
  pin: "sha256:0123",
};
const attic: ContextEntry = {
  ...closet,
  dataDir: 'C:\\a "b"\n',
  name: "attic",
  workerToken: null,
  pin: null,
};

/** The text with the entry; the texts of these tests are TOML. */
function entered(text: string, entry: ContextEntry): string {
  return withEntry(text, entry) ?? "(refused)";
}

test("contextPath() follows XDG_CONFIG_HOME when it is absolute, else the home folder", () => {
  const file = "gridlike/context.toml";
  expect(contextPath({ XDG_CONFIG_HOME: "/x" }, "/h")).toBe(`/x/${file}`);
  expect(contextPath({ XDG_CONFIG_HOME: "x" }, "/h")).toBe(`/h/.config/${file}`);
  expect(contextPath({}, "/h")).toBe(`/h/.config/${file}`);
  expect(contextPath({}, null)).toBeNull();
});

test("withEntry() enters a server that findEntry() finds by its data directory", () => {
  const text = entered(entered("", closet), attic);
  expect(findEntry(text, closet.dataDir)).toEqual(closet);
  expect(findEntry(text, attic.dataDir)).toEqual(attic);
  expect(findEntry(text, "/elsewhere")).toBeNull();
});

test("withEntry() replaces the entry of the same data directory and nothing else", () => {
  const before = `# mine\ncolour = "blue"\n\n[[server]] # by hand\ndata_dir = "/other"\nnote = 1\n\n[theme]\nx = 1\n`;
  const once = entered(before, closet);
  expect(once).toStartWith(before);
  const twice = entered(entered(once, attic), { ...closet, apiKey: "gla_2" });
  expect(twice).toStartWith(before);
  expect(findEntry(twice, closet.dataDir)?.apiKey).toBe("gla_2");
  expect(findEntry(twice, attic.dataDir)).toEqual(attic);
  expect(twice.match(/\[\[server\]\]/g)).toHaveLength(3);
});

test("withEntry() does not touch a text that is no TOML", () => {
  expect(withEntry("= broken", closet)).toBeNull();
  expect(findEntry("= broken", closet.dataDir)).toBeNull();
});
