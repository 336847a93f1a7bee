import { expect, test } from "bun:test";
import { allEntries, withEntry, withoutEntry } from "../../../src/config/context.ts";
import { currentServer, withCurrentServer } from "../../../src/config/current-server.ts";

const entries = `# Mine.\n\n[[server]] # the old one\nname = "a"\n\n[other]\ncurrent = "no"\n`;

test("withCurrentServer() writes, changes and takes away one line and nothing else", () => {
  expect(currentServer(entries)).toBeNull();
  const once = withCurrentServer(entries, "a") ?? "";
  expect(currentServer(once)).toBe("a");
  expect(once.replace('current = "a"\n', "")).toBe(entries);
  const twice = withCurrentServer(once, 'b "c"') ?? "";
  expect(currentServer(twice)).toBe('b "c"');
  expect(withCurrentServer(twice, null)).toBe(entries);
  expect(currentServer(withCurrentServer("", "a") ?? "")).toBe("a");
});

test("withCurrentServer() refuses what it cannot change in one line", () => {
  expect(withCurrentServer("[[server", "a")).toBeNull();
  expect(withCurrentServer('current = """\na\n"""\n', "b")).toBeNull();
});

test("withoutEntry() takes away a server of another machine, found by its name", () => {
  const far = {
    name: "far",
    dataDir: "",
    url: "http://far",
    apiKey: null,
    workerToken: null,
    pin: null,
  };
  const near = { ...far, name: "near", dataDir: "/srv/data" };
  const both = withEntry(withEntry("", near) ?? "", far) ?? "";
  expect(allEntries(both)).toEqual([near, far]);
  expect(allEntries(withEntry(both, { ...far, url: "http://x" }) ?? "")).toEqual([
    near,
    { ...far, url: "http://x" },
  ]);
  expect(allEntries(withoutEntry(both, far) ?? "")).toEqual([near]);
  expect(allEntries(withoutEntry(both, near) ?? "")).toEqual([far]);
  expect(withoutEntry(both, { ...far, name: "nobody" })).toBe(both);
});
