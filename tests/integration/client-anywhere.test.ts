import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openEchoWorker } from "../support/echo-worker.ts";
import { apiKey, openDoor } from "../support/http-door.ts";

const root = join(import.meta.dir, "../..");

async function bundle(): Promise<string> {
  const built = await Bun.build({
    entrypoints: [join(root, "src/client/index.ts")],
    target: "browser",
    format: "esm",
    throw: true,
  });
  expect(built.outputs).toHaveLength(1);
  return built.outputs[0]!.text();
}

/** Runs a program against a server whose worker answers in capitals, and gives what it wrote. */
async function run(words: readonly string[], stdin = "") {
  await using door = await openDoor();
  using _ = await openEchoWorker(door.api);
  const program = Bun.spawn([...words], {
    cwd: root,
    env: {
      PATH: process.env.PATH ?? "",
      GRIDLIKE_URL: door.api.replace(/\/api$/, ""),
      GRIDLIKE_TOKEN: apiKey,
    },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
  });
  const [out, said] = await Promise.all([program.stdout.text(), program.stderr.text()]);
  expect([await program.exited, said]).toEqual([0, ""]);
  return out.trim().split("\n");
}

test("the client becomes one file for browsers, without anything of Bun or Node", async () => {
  const code = await bundle();
  expect(new Bun.Transpiler({ loader: "js" }).scanImports(code)).toEqual([]);
  for (const word of ["Bun.", "process.", "require(", "Buffer.", "__dirname", "node:", "bun:"]) {
    expect([word, code.includes(word)]).toEqual([word, false]);
  }
});

test("the same file runs in Node", async () => {
  const dir = mkdtempSync(join(tmpdir(), "gridlike-client-"));
  try {
    const file = join(dir, "client.mjs");
    writeFileSync(file, await bundle());
    const main = join(dir, "main.mjs");
    writeFileSync(main, nodeProgram(pathToFileURL(file).href));
    expect(await run(["node", main])).toEqual([
      "HELLO",
      "READ IN PIECES",
      "true",
      "A B C",
      "failed no such city",
      "unreachable",
      "Enough.",
    ]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 60_000);

test("its connection runs in Node as well", async () => {
  const dir = mkdtempSync(join(tmpdir(), "gridlike-client-"));
  try {
    const file = join(dir, "client.mjs");
    writeFileSync(file, await bundle());
    const main = join(dir, "main.mjs");
    writeFileSync(main, connectionProgram(pathToFileURL(file).href));
    // Since Node 22 the flag says what is so anyway.
    const words = ["node", "--experimental-websocket", "--no-warnings", main];
    expect(await run(words)).toEqual(["HELLO", "true", "failed no such city", "watching", "400"]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 60_000);

test("the program of docs/client.md writes what it says", async () => {
  const page = readFileSync(join(root, "docs/client.md"), "utf8");
  const code = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => match[1]).join("\n");
  const wanted = [...code.matchAll(/console\.log\(.*\); (\/\/ .*)$/gm)].flatMap(([, said = ""]) =>
    said.slice("// ".length).split(" // "),
  );
  expect(wanted.length).toBeGreaterThan(8);
  expect(await run([process.execPath, "run", "-"], code)).toEqual(wanted);
}, 60_000);

function nodeProgram(client: string): string {
  return `
    import { createClient } from ${JSON.stringify(client)};
    const text = (bytes) => new TextDecoder().decode(bytes);
    const url = process.env.GRIDLIKE_URL;
    const client = createClient({ url, token: process.env.GRIDLIKE_TOKEN });
    console.log(text(await client.result((await client.submit("hello")).key)));
    async function* pieces() {
      for (const piece of ["read ", "in ", "pieces"]) yield new TextEncoder().encode(piece);
    }
    console.log(text(await client.result((await client.submit(pieces())).key)));
    const large = new Uint8Array(1024 * 1024).fill(7);
    await client.submit(new Blob([large]), { key: "large" });
    const { stream } = await client.openPayload("large");
    console.log(Buffer.compare(Buffer.from(await new Response(stream).arrayBuffer()), large) === 0);
    const keys = [];
    for await (const { key } of client.submitMany(["a", "b", "c"].map((payload) => ({ payload })))) keys.push(key);
    const found = [];
    for await (const result of client.results(keys)) found.push(text(result.bytes));
    console.log(found.sort().join(" "));
    const trip = await client.submit("fail: no such city", { maxAttempts: 1 });
    await client.result(trip.key).catch((error) => console.log(error.outcome, error.jobInfo));
    await createClient({ url: "http://127.0.0.1:1" }).cancel("k").catch((error) => console.log(error.code));
    const held = await client.submit("later", { hold: true });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("Enough.")), 50);
    await client.wait(held.key, { signal: stop.signal }).catch((error) => console.log(error.message));
  `;
}

function connectionProgram(client: string): string {
  return `
    import { createClient } from ${JSON.stringify(client)};
    const { GRIDLIKE_URL: url, GRIDLIKE_TOKEN: token } = process.env;
    const connection = createClient({ url, token, headers: { "X-Proxy": "yes" } }).connect();
    const text = ({ bytes }) => new TextDecoder().decode(bytes);
    console.log(text(await connection.run("hello", { key: "first" })));
    const large = await connection.run("x".repeat(200_000));
    console.log(text(large) === "X".repeat(200_000));
    const { error } = await connection.run("fail: no such city", { maxAttempts: 1 });
    console.log(error.outcome, error.jobInfo);
    for await (const { kind } of connection.watch({ group: "none" })) {
      console.log(kind);
      break;
    }
    // Without what browsers do not have.
    delete globalThis.setImmediate;
    const all = await Promise.all(Array.from({ length: 400 }, (_, n) => connection.run(String(n))));
    console.log(all.filter((one, n) => text(one) === String(n)).length);
    await connection.close();
  `;
}
