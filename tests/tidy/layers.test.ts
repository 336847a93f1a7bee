import { expect, test } from "bun:test";
import { folderOf, globalProblems, layerProblems } from "./layers.ts";
import { filesOf } from "./project-files.ts";

const planted = (path: string, text: string) => new Map([[path, text]]);

test("layerProblems() finds an import that points up, sideways into a provider, or to a stranger", () => {
  for (const [path, text] of [
    ["src/domain/a.ts", 'import { x } from "../platform/clock.ts";'],
    ["src/domain/a.ts", 'import * as v from "valibot";'],
    ["src/broker/a.ts", 'import type { X } from "../store/sqlite/types.ts";'],
    ["src/broker/a.ts", 'export { x } from "../server/app.ts";'],
    ["src/store/sqlite/a.ts", 'import { x } from "../memory/m.ts";'],
    ["src/store/a.ts", 'import { x } from "../blobs/blob-store.ts";'],
    ["src/server/a.ts", 'const x = await import("../wiring/server.ts");'],
    ["src/server/a.ts", 'import "bun:sqlite";'],
    ["src/server/a.ts", 'import { x } from "../config/read-config.ts";'],
    ["src/server/a.ts", 'import { type X, y } from "../store/job-store.ts";'],
    ["src/cli/a.ts", 'import {\n  x,\n  y,\n} from "../broker/broker.ts";'],
    ["src/main.ts", 'import { x } from "./wiring/server.ts";'],
    ["src/config/a.ts", 'import { x } from "../support/a-job.ts";'],
  ] as const) {
    expect([text, layerProblems(planted(path, text))]).toEqual([
      text,
      [expect.stringContaining(path)],
    ]);
  }
  expect(layerProblems(planted("src/misc/a.ts", ""))).toEqual([
    expect.stringContaining("no layer"),
  ]);
});

test("layerProblems() allows what the table allows, and what only looks like an import", () => {
  for (const [path, text] of [
    [
      "src/broker/a.ts",
      'import type { X } from "../store/job-store.ts";\nimport { y } from "./b.ts";',
    ],
    [
      "src/store/sqlite/deep/a.ts",
      'import { Database } from "bun:sqlite";\nimport "../../job-store.ts";',
    ],
    [
      "src/wiring/a.ts",
      'import { x } from "../store/sqlite/s.ts";\nimport { y } from "../blobs/disk/d.ts";',
    ],
    ["src/platform/a.ts", 'import { x } from "node:os";'],
    ["src/server/a.ts", 'import type { X } from "../config/config.ts";'],
    ["src/server/a.ts", 'import { type X, type Y } from "../store/job-store.ts";'],
    [
      "src/domain/a.ts",
      '// import { x } from "valibot";\nconst a = `import { x } from "valibot"`;',
    ],
  ] as const) {
    expect([text, layerProblems(planted(path, text))]).toEqual([text, []]);
  }
});

test("globalProblems() finds time, chance, output and the process outside of platform", () => {
  for (const code of [
    "const at = Date.now();",
    "new Date()",
    "performance.now()",
    "setTimeout(f, 1)",
    "const x = Math.random();",
    "crypto.randomUUID()",
    "console.log(1)",
    "if (process.env.X) {}",
    "await Bun.sleep(1)",
    "return Temporal.Now.instant();",
    "const a = `${process.pid}`;",
    "fetch(url)",
    "const { pid } = process;",
  ]) {
    const files = planted("src/broker/a.ts", code);
    expect([code, globalProblems(files)]).toEqual([
      code,
      [expect.stringContaining("may not touch")],
    ]);
    expect(globalProblems(planted("src/platform/a.ts", code))).toEqual([]);
  }
  expect(globalProblems(planted("src/blobs/x.ts", "Bun.file(p)"))).toHaveLength(1);
  expect(globalProblems(planted("src/blobs/x.ts", "new Bun.CryptoHasher()"))).toHaveLength(0);
});

test("globalProblems() does not fall for comments, texts, members and names", () => {
  const code = `
    // Date, console and process stand here in words.
    const a = "Date.now()"; /* setTimeout(x) */
    deps.process(job); job.crypto; const t = { process: 1, fetch: 2 };
    const r = /console\\.log/; const q = a / b; const s = c / process2;
    type X = { fetch?: () => void };
    const template = \`Date \${a} console\`;
  `;
  expect(globalProblems(planted("src/broker/a.ts", code))).toEqual([]);
});

test("folderOf() tells providers from the folder above them", () => {
  expect(folderOf("src/store/job-store.ts")).toBe("store");
  expect(folderOf("src/store/sqlite/a/b.ts")).toBe("store/sqlite");
  expect(folderOf("src/cli/commands/x.ts")).toBe("cli");
  expect(folderOf("src/main.ts")).toBe("main.ts");
});

test("src imports only what the table of layers allows", () => {
  expect(layerProblems(filesOf("src/**/*.ts"))).toEqual([]);
});

test("src touches the runtime only where the table of layers allows it", () => {
  expect(globalProblems(filesOf("src/**/*.ts"))).toEqual([]);
});
