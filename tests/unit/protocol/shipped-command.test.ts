import { expect, test } from "bun:test";
import {
  commandEntry,
  decodeCommand,
  decodeOutcome,
  encodeCommand,
  packArchive,
  readDocument,
  shippedPathProblem,
  stdinEntry,
  unpackArchive,
  type ShippedCommand,
  type ShippedFile,
} from "../../../src/protocol/shipped-command.ts";

const command: ShippedCommand = {
  version: 1,
  shell: ["echo ", " x"],
  env: { NAME: "value" },
  stdin: false,
  returns: ["*.png"],
  answer: "outcome",
  timeout_ms: 500,
};

function file(path: string, text: string, size = text.length): ShippedFile {
  async function* open() {
    yield new TextEncoder().encode(text);
  }
  return { path, size, isExecutable: false, modifiedAt: 0, open };
}

test("decodeCommand() reads what encodeCommand() wrote, and fills in what was left out", () => {
  expect(decodeCommand(encodeCommand(command))).toEqual(command);
  expect(decodeCommand(`{"version":1,"argv":["ls","-l"],"unknown":1}`)).toEqual({
    version: 1,
    argv: ["ls", "-l"],
    env: {},
    stdin: false,
    returns: [],
    answer: "stdout",
  });
});

test("decodeCommand() refuses what no worker should run, and names the field", () => {
  for (const [json, where] of [
    ["", "the document"],
    ["[]", "version"],
    [`{"version":2,"shell":"x"}`, "version"],
    [`{"version":1}`, "needs shell or argv"],
    [`{"version":1,"shell":"x","argv":["x"]}`, "needs shell or argv"],
    [`{"version":1,"argv":[]}`, "argv"],
    [`{"version":1,"shell":"a\\u0000b"}`, "shell"],
    [`{"version":1,"shell":"x","env":{"A-B":"1"}}`, "env"],
    [`{"version":1,"shell":"x","folder":"relative"}`, "folder"],
    [`{"version":1,"shell":"x","returns":"all"}`, "returns"],
  ] as const) {
    expect(() => decodeCommand(json)).toThrow(where);
  }
  expect(() => decodeOutcome(`{"version":1}`)).toThrow("outcome of a command");
});

test("shippedPathProblem() lets no path out of the folder, nor into GridLike's own", () => {
  for (const path of ["a", "a/b.txt", "Füße/日本", ".hidden", "..a/b..", "-n", ".gridlikes/x"]) {
    expect([path, shippedPathProblem(path)]).toEqual([path, null]);
  }
  const wrong = [
    "",
    "/etc/passwd",
    "..",
    "../x",
    "a/../../x",
    "a/./b",
    "a//b",
    "a/",
    "a\\..\\b",
    "C:/x",
    "a\0b",
    "\ud800",
    ".gridlike/stdin",
    "x".repeat(256),
    "x/".repeat(2_500) + "x",
  ];
  for (const path of wrong) expect([path, shippedPathProblem(path)]).not.toEqual([path, null]);
});

test("unpackArchive() gives back what packArchive() was given, document first", async () => {
  const files = [file(stdinEntry, "typed"), file("data/in.txt", "one\n")];
  const packed = packArchive({ name: commandEntry, json: encodeCommand(command) }, files);
  const items = unpackArchive(packed, [commandEntry, stdinEntry], "shipped command");
  const first = await items.next();
  expect(decodeCommand(await readDocument(first.value ?? undefined, commandEntry))).toEqual(
    command,
  );
  const found: string[][] = [];
  for await (const { name, bytes } of items) {
    found.push([name, Buffer.concat(await Array.fromAsync(bytes)).toString()]);
  }
  expect(found).toEqual([
    [stdinEntry, "typed"],
    ["data/in.txt", "one\n"],
  ]);
});

test("unpackArchive() refuses a path that leads out, before any byte of it is read", async () => {
  for (const path of ["../x", "/x", ".gridlike/command.json", "a/../b"]) {
    const items = unpackArchive(packArchive(null, [file(path, "evil")]), [], "result");
    expect(items.next()).rejects.toThrow("Nothing of it is used.");
  }
});

test("packArchive() breaks off when a file grew or shrank while it was sent", async () => {
  for (const size of [2, 9]) {
    const packing = Array.fromAsync(packArchive(null, [file("log", "four", size)]));
    expect(packing).rejects.toThrow("The file log changed while it was sent.");
  }
});
