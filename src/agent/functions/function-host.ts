// Runs a user's functions in a process of their own. Its text is handed to the runtime as a script, so it takes no
// other file along than types; and it ends with the agent, by the channel between them.
//
// A function is called as `f(data, context, callback)`, where the context is itself the callback: `(data, cb)`,
// `(event, context)` and `(event, context, callback)` all find what they look for. What counts is what comes first:
// a call of the callback or of context.succeed, fail or done, or the end of a promise that was returned. Without a
// promise a function of two or more parameters is waited for, and one of fewer has answered by what it returned.

import type { HostAsk, HostFailure, HostResult, HostSays, JobFacts } from "./host-messages.ts";

type Callable = (...words: unknown[]) => unknown;
type RunAsk = Extract<HostAsk, { readonly op: "run" }>;

export function startHost(watchedFileCountMax: number): void {
  const send = process.send?.bind(process) as ((message: HostSays) => void) | undefined;
  if (send === undefined) process.exit(1);
  delete process.send; // The channel is not the function's to speak on.
  delete process.env["BUN_BE_BUN"];
  let loading: Promise<unknown> | null = null;
  let answerCount = 0;

  const load = async (file: string) => {
    loading ??= import(file);
    return loading;
  };
  const answer = async (ask: HostAsk): Promise<HostSays> => {
    if (ask.op === "list") return list(() => load(ask.file));
    process.argv = [process.execPath, ask.file];
    try {
      const call = findFunction(await load(ask.file), ask.handler, ask.file);
      return await resultOf(await callFunction(call, await dataOf(ask), contextOf(ask, send)), ask);
    } catch (error) {
      return failureOf(error);
    }
  };
  process.on("disconnect", () => process.exit(0));
  process.on("message", (ask: HostAsk) => {
    void answer(ask).then((said) => {
      // A function may load more when it is first called.
      if (answerCount < 2)
        send({ op: "loaded", files: loadedFiles().slice(0, watchedFileCountMax) });
      answerCount += 1;
      send(said);
    });
  });
  send({ op: "ready" });
}

/** The caller's mistake: trying again is no use. */
class Misuse extends Error {
  readonly retryable = false;
}

function findFunction(module: unknown, handler: string | null, file: string): Callable {
  const { root, namespace } = partsOf(module);
  if (handler === null) return mainOf(root, file);
  const plugin = pluginsOf(root).find((found) => found.name === handler);
  if (plugin !== undefined) return plugin.call;
  const found = namespace[handler] ?? (root as Record<string, unknown> | null)?.[handler];
  if (found === undefined || found === null) {
    throw new Misuse(`Task handler "${handler}" is not defined in file ${file}`);
  }
  if (typeof found !== "function") {
    throw new Misuse(`Task "${handler}" is not a function in file ${file}`);
  }
  return found as Callable;
}

/** `root`: module.exports, or the default export; where there is none, all exports. */
function partsOf(module: unknown) {
  const namespace = module as { readonly [name: string]: unknown };
  return { namespace, root: namespace["default"] ?? namespace };
}

function mainOf(root: unknown, file: string): Callable {
  if (typeof root === "function" && !isPluginClass(root)) return root as Callable;
  const plugins = pluginsOf(root);
  const [plugin] = plugins;
  if (plugin === undefined) {
    throw new Misuse(`Task does not export any main function in file ${file}`);
  }
  if (plugin.name === null) throw new Misuse("Job name required");
  if (plugins.length > 1) {
    const names = plugins.map(({ name }) => name).join(", ");
    throw new Misuse(`Several jobs are in file ${file}: name one of ${names}`);
  }
  return plugin.call;
}

type Plugin = { readonly name: string | null; readonly call: Callable };

/** Objects with a name and a function `main`, `callback` or `run`, and classes whose instances are such. */
function pluginsOf(root: unknown): readonly Plugin[] {
  if (Array.isArray(root)) return root.flatMap((one: unknown) => pluginsOf(one));
  if (typeof root === "function" && isPluginClass(root)) {
    const Job = root as unknown as new () => object;
    return pluginsOf(named(new Job(), root.name));
  }
  if (typeof root !== "object" || root === null) return [];
  const plugin = root as { readonly [name: string]: unknown };
  const verb = ["main", "callback", "run"].find((name) => typeof plugin[name] === "function");
  if (verb === undefined) return [];
  const call = (plugin[verb] as Callable).bind(plugin);
  const { name } = plugin;
  return [{ name: typeof name === "string" && name !== "" ? name : null, call }];
}

/** An instance without a name goes by that of its class. */
function named(instance: object, className: string): object {
  if ("name" in instance) return instance;
  return Object.assign(instance, { name: className });
}

function isPluginClass(value: object): boolean {
  const { prototype } = value as { readonly prototype?: { readonly main?: unknown } };
  return typeof prototype?.main === "function";
}

async function list(load: () => Promise<unknown>): Promise<HostSays> {
  try {
    const { root, namespace } = partsOf(await load());
    const of = typeof root === "object" && root !== null && !Array.isArray(root) ? root : {};
    const exported = Object.entries({ ...of, ...namespace });
    const isHandler = ([name, value]: readonly [string, unknown]) =>
      typeof value === "function" && name !== "default" && value !== root;
    const plugins = pluginsOf(root).flatMap(({ name }) => (name === null ? [] : [name]));
    const handlers = exported.filter(isHandler).map(([name]) => name);
    // What a plugin is made of is no handler.
    return { op: "listed", handlers: plugins.length > 0 ? [] : handlers, plugins, problem: null };
  } catch (error) {
    return { op: "listed", handlers: [], plugins: [], problem: messageOf(error) };
  }
}

function callFunction(call: Callable, data: unknown, context: Context): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error?: unknown, result?: unknown): void => {
      if (error) reject(error);
      else resolve(result);
    };
    const told = Object.assign(callback.bind(null), context, {
      done: callback,
      succeed: (result?: unknown) => resolve(result),
      fail: (error: unknown) => reject(error),
    });
    const returned = call(data, told, callback);
    if (isThenable(returned)) returned.then(resolve, reject);
    else if (call.length < 2) resolve(returned);
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/** What Lambda calls a context: the job's facts, some of them under the names that are known there. */
type Context = ReturnType<typeof contextOf>;

function contextOf({ facts, limitMs }: RunAsk, send: (message: HostSays) => void) {
  const startedAt = performance.now();
  return {
    ...facts,
    functionName: facts.type,
    awsRequestId: facts.job,
    invocationId: facts.job,
    getRemainingTimeInMillis: () =>
      limitMs === null ? Number.MAX_SAFE_INTEGER : limitMs - (performance.now() - startedAt),
    progress: (percent: number | null, info: string | null = null) =>
      send({ op: "progress", percent, info }),
  } satisfies JobFacts & Record<string, unknown>;
}

/** JSON when it is said to be JSON, or text, or nothing, and is JSON; else the bytes. */
async function dataOf({ payload, facts }: RunAsk): Promise<unknown> {
  const bytes =
    payload instanceof Uint8Array
      ? Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
      : Buffer.from(await Bun.file(payload.path).arrayBuffer());
  // What curl sends for -d says nothing of the data either.
  const mayBeJson = /^$|^text\/|[/+]json\b|^application\/x-www-form-urlencoded/i;
  if (!mayBeJson.test(facts.contentType ?? "")) return bytes;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return bytes; // Not JSON, or no text at all.
  }
}

async function resultOf(value: unknown, ask: RunAsk): Promise<HostResult | HostFailure> {
  const { bytes, contentType } = encoded(value);
  if (bytes.length <= ask.inlineBytesMax) return { op: "done", result: bytes, contentType };
  try {
    await Bun.write(ask.resultPath, bytes);
  } catch (error) {
    const writeError = (error as { readonly code?: string }).code ?? "EIO";
    return { op: "failed", info: messageOf(error), retryable: true, writeError };
  }
  const result = { path: ask.resultPath, sizeBytes: bytes.length };
  return { op: "done", result, contentType };
}

function encoded(value: unknown): {
  readonly bytes: Uint8Array;
  readonly contentType: string | null;
} {
  if (value instanceof ArrayBuffer) return { bytes: new Uint8Array(value), contentType: null };
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return { bytes: new Uint8Array(buffer, byteOffset, byteLength), contentType: null };
  }
  if (typeof value === "string") {
    return { bytes: new TextEncoder().encode(value), contentType: "text/plain;charset=utf-8" };
  }
  // What JSON has no word for, such as undefined, is null.
  const text = JSON.stringify(value) ?? "null";
  return { bytes: new TextEncoder().encode(text), contentType: "application/json" };
}

function failureOf(error: unknown): HostFailure {
  if (error instanceof Error && !(error instanceof Misuse)) console.error(error.stack);
  const retryable = (error as { readonly retryable?: unknown } | null)?.retryable !== false;
  return { op: "failed", info: messageOf(error), retryable, writeError: null };
}

function messageOf(error: unknown): string {
  if (error instanceof Error) {
    const isPlain = error.name === "Error" || error.name === "";
    return isPlain && error.message !== "" ? error.message : `${error.name}: ${error.message}`;
  }
  if (typeof error === "string") return error;
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return typeof message === "string" ? message : (JSON.stringify(error) ?? String(error));
}

function loadedFiles(): readonly string[] {
  const isOwn = (path: string) => !/[\\/]node_modules[\\/]|\[stdin\]$|^[a-z]+:[^\\/]/.test(path);
  return Object.keys(require.cache).filter(isOwn);
}
