import { expect, test } from "bun:test";
import { joinLine, joinNotices } from "../../../src/cli/join-line.ts";

const url = "https://192.168.1.7:7171/";
const pin = `sha256:${"ab".repeat(32)}`;
const access = { kind: "token", token: "glw_1f8c02b7_x_0k3x9ab" } as const;
const simple = "  gridlike worker start -- COMMAND";

test("joinLine() has address, token and pin, and an end that the user fills in", () => {
  expect(joinLine(url, { access, pin })).toBe(
    `gridlike worker start --server https://192.168.1.7:7171 --join glw_1f8c02b7_x_0k3x9ab --pin ${pin} -- COMMAND`,
  );
  expect(joinLine("https://host/grid/", { access, pin })).toContain(" https://host/grid ");
});

test("joinLine() names a file in place of a token that is not to be shown, and nothing where none is asked for", () => {
  expect(joinLine(url, { access: { kind: "file" }, pin: null })).toBe(
    "gridlike worker start --server https://192.168.1.7:7171 --token-file FILE -- COMMAND",
  );
  expect(joinLine("http://closet:80", { access: { kind: "open" }, pin: null })).toBe(
    "gridlike worker start --server http://closet:80 -- COMMAND",
  );
});

test.skipIf(Bun.which("sh") === null)(
  "joinLine() is read by a shell as it was meant, whatever is in it",
  async () => {
    for (const token of [
      "a b",
      "it's",
      "$(exit 1)",
      "`id`",
      "a\\b",
      '"',
      "*",
      "#x",
      "~",
      "!!",
      "a\nb",
      "-x;y",
    ]) {
      const line = joinLine("https://[fd00::7]:7171", { access: { kind: "token", token }, pin });
      const printed = line.replace(/^gridlike/, "printf '%s\\0'");
      const said = await Bun.$`sh -c ${printed}`.text();
      const flags = ["--server", "https://[fd00::7]:7171", "--join", token, "--pin", pin];
      const words = ["worker", "start", ...flags, "--", "COMMAND"];
      expect(said.split("\0").slice(0, -1)).toEqual(words);
    }
  },
);

test("joinNotices() has the short line for this machine, and the whole one for others", () => {
  const places = { access, pin, localUrl: "https://127.0.0.1:7171/", outwardUrl: url };
  expect(joinNotices({ ...places, isInContext: true })).toEqual([
    "Start a worker on this machine:",
    simple,
    "Start a worker on other machines:",
    `  ${joinLine(url, places)}`,
  ]);
  expect(joinNotices({ ...places, isInContext: false })).toContain(
    `  ${joinLine(places.localUrl, places)}`,
  );
  expect(joinNotices({ ...places, isInContext: false })).not.toContain(simple);
});

test("joinNotices() promises other machines nothing of a server for this one alone", () => {
  const places = { access, pin: null, localUrl: "http://127.0.0.1:7171/", outwardUrl: null };
  for (const isInContext of [true, false]) {
    const lines = joinNotices({ ...places, isInContext });
    expect(lines.join("\n")).not.toContain("other machines");
    expect(lines).toContain(`  ${joinLine(places.localUrl, places)}`);
  }
});
