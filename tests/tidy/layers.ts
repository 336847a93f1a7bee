// The table of layers: which folder of src may import which, and what of the runtime and of others' packages it
// alone may touch. Arrows point down; nothing points up.
import { dirname, join } from "node:path";
import type { Files } from "./project-files.ts";
import { codeOf, importsOf } from "./source-text.ts";
import type { Import } from "./source-text.ts";

type Layer = {
  /** Folders it may import beside itself. `store` and `blobs` mean their interfaces, not the providers below. */
  readonly may: readonly string[];
  /** Folders and packages of which it may know the types, and nothing that runs. */
  readonly types?: readonly string[];
  readonly packages: readonly string[];
  readonly globals: readonly string[];
};

const pure = { packages: [], globals: [] };
const provider = { packages: ["node:path"], globals: [] };

export const layers: { readonly [folder: string]: Layer } = {
  domain: { may: [], ...pure },
  platform: { may: ["domain"], packages: ["node:*", "bun:ffi"], globals: ["*"] },
  protocol: { may: ["domain"], packages: ["valibot"], globals: [] },
  config: {
    may: ["domain", "platform"],
    packages: ["valibot", "toml-eslint-parser", "node:path"],
    globals: [],
  },
  store: { may: ["domain"], ...pure },
  "store/memory": { may: ["store", "domain", "platform"], ...pure },
  "store/sqlite": {
    may: ["store", "domain", "platform"],
    packages: ["bun:sqlite", "node:path"],
    globals: [],
  },
  blobs: { may: ["domain"], packages: [], globals: ["Bun.CryptoHasher"] },
  "blobs/memory": { may: ["blobs", "domain", "platform"], ...pure },
  "blobs/disk": {
    may: ["blobs", "domain", "platform"],
    packages: ["node:fs", "node:fs/promises", "node:path"],
    globals: ["Bun.file"],
  },
  broker: { may: ["domain", "protocol", "platform", "store", "blobs"], ...pure },
  client: { may: ["domain", "protocol"], packages: [], globals: ["fetch", "WebSocket"] },
  agent: {
    may: ["domain", "protocol", "platform", "client"],
    packages: ["node:path"],
    globals: ["WebSocket", "Bun.spawn"],
  },
  server: {
    may: ["broker", "protocol", "domain", "platform"],
    types: ["config", "store", "blobs", "bun"],
    packages: ["elysia", "@elysiajs/*", "valibot", "@valibot/to-json-schema"],
    globals: ["WebSocket"],
  },
  wiring: {
    may: "agent blobs/* broker client config domain platform protocol server store/*".split(" "),
    ...provider,
  },
  cli: {
    may: ["wiring", "client", "config", "protocol", "domain", "platform"],
    packages: ["commander", "node:path"],
    globals: [],
  },
  "main.ts": { may: ["cli", "platform"], ...pure },
};

/** Time, chance, output and the process enter through platform alone; so does all else of the runtime. */
const watchedGlobals = [
  "Date performance setTimeout setInterval setImmediate Temporal.Now Math.random crypto console",
  "process Bun fetch WebSocket Worker navigator globalThis eval Deno",
].flatMap((names) => names.split(" "));

/** The imports of src that the table does not allow. */
export function layerProblems(files: Files): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const layer = layers[folderOf(path)];
    if (layer === undefined) return [`${path}: its folder stands in no layer`];
    return importsOf(text)
      .filter((found) => !isAllowed(path, found, layer))
      .map(({ from }) => `${path}: ${folderOf(path)} may not import "${from}"`);
  });
}

/** The script that runs in a process of its own, and the one file of the client with its clock, chance and SHA-256. */
const ownGlobals: { readonly [path: string]: readonly string[] } = {
  "src/agent/functions/function-host.ts": [
    "process",
    "console",
    "performance",
    "Bun.file",
    "Bun.write",
  ],
  "src/client/runtime.ts": ["performance", "setTimeout", "setImmediate", "Math.random", "crypto"],
};

/** What src touches of the runtime and should not. */
export function globalProblems(files: Files): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const allowed = [...(layers[folderOf(path)]?.globals ?? []), ...(ownGlobals[path] ?? [])];
    if (allowed.includes("*")) return [];
    return [...new Set(globalsIn(codeOf(text)))]
      .filter((name) => !allowed.includes(name))
      .map((name) => `${path}: ${folderOf(path)} may not touch ${name}`);
  });
}

/** `src/store/sqlite/x/y.ts` is in `store/sqlite`, `src/broker/z.ts` in `broker`, `src/main.ts` is itself. */
export function folderOf(path: string): string {
  const [, first = "", second = "", ...rest] = path.split("/");
  return rest.length > 0 && `${first}/${second}` in layers ? `${first}/${second}` : first;
}

function isAllowed(path: string, { from, isType }: Import, layer: Layer): boolean {
  const types = isType ? (layer.types ?? []) : [];
  if (!from.startsWith(".")) {
    return [...layer.packages, ...types].some((allowed) => isMatch(from, allowed));
  }
  const target = join(dirname(path), from).replaceAll("\\", "/");
  if (!target.startsWith("src/")) return false;
  const [own, other] = [folderOf(path), folderOf(target)];
  return own === other || [...layer.may, ...types].some((allowed) => isMatch(other, allowed));
}

/** `store/*` is `store` and everything below it, `node:*` every module of that kind. */
function isMatch(name: string, allowed: string): boolean {
  if (!allowed.endsWith("*")) return name === allowed;
  const stem = allowed.slice(0, -1);
  return name.startsWith(stem) || `${name}/` === stem;
}

/** Watched names used as globals: not as a member, a key or a declared name. */
function globalsIn(code: string): readonly string[] {
  return watchedGlobals.flatMap((name) => {
    const member = name === "Bun" ? String.raw`(?:\.(?<member>\w+))?` : "";
    const pattern = new RegExp(
      String.raw`(?<![\w$.#])(?<!\b(?:function|const|let|type|interface)\s)${name.replace(".", String.raw`\.`)}${member}(?![\w$])(?!\s*\??:)`,
      "g",
    );
    return [...code.matchAll(pattern)].map((match) => {
      const found = match.groups?.["member"];
      return found === undefined ? name : `${name}.${found}`;
    });
  });
}
