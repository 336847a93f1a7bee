import { expect, test } from "bun:test";
import { writtenOut } from "../../../src/cli/arguments.ts";
import type { CommandTree } from "../../../src/cli/arguments.ts";

const command = (name: string, ...commands: CommandTree[]): CommandTree => ({
  name: () => name,
  commands,
});
const program = command("gridlike", command("server", command("start")));

/** The words of a line, written out and joined again. */
function lineOf(line: string): string {
  return writtenOut(line.split(" ").filter(Boolean), program).join(" ");
}

test("writtenOut() takes flags without a command for those of server start", () => {
  expect(lineOf("--config a.toml")).toBe("server start --config a.toml");
  expect(lineOf("-c a.toml --port 0")).toBe("server start -c a.toml --port 0");
  expect(lineOf("--confg a.toml")).toBe("server start --confg a.toml");
});

test("writtenOut() leaves commands, and the flags of the program itself, as they are", () => {
  for (const line of ["", "--help", "-h", "--version", "-V", "help", "server start --port 0"]) {
    expect(lineOf(line)).toBe(line);
  }
});

test("writtenOut() turns help before a command into a flag behind it", () => {
  expect(lineOf("help server")).toBe("server --help");
  expect(lineOf("help server start")).toBe("server start --help");
});

test("writtenOut() lets no wish for help hide a mistyped command", () => {
  expect(lineOf("serve --help")).toBe("serve");
  expect(lineOf("help server strt")).toBe("server strt");
});

test("writtenOut() takes flags that name a server also before the command", () => {
  expect(lineOf("-s closet server start --port 0")).toBe("server start -s closet --port 0");
  expect(lineOf("--url http://a server start")).toBe("server start --url http://a");
  expect(lineOf("--url=http://a server start")).toBe("server start --url=http://a");
  expect(lineOf("-s closet nonsense")).toBe("server start -s closet nonsense");
});
