// The policy file of a machine's owner: `--policy FILE`, or worker.toml in the user's own configuration. Only the
// owner writes it. Every problem is told at once, with its line; a file that cannot be read allows nothing.

import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { isTypeName } from "../domain/job-type.ts";
import { resultBytesMaxDefault, typeCountMax, workerSlotCountMax } from "../domain/limits.ts";
import { didYouMean } from "../domain/nearest.ts";
import type { WorkerPolicy } from "../domain/worker-policy.ts";
import { othersMay } from "../platform/file-system.ts";
import { readText } from "../platform/files.ts";
import type { Environment } from "../platform/program.ts";
import { formatProblem, inFile, inReadingOrder, type Problem } from "./given.ts";
import { flag, list, openSetting, setting, size, whole } from "./setting.ts";
import { parseToml, type TomlTable } from "./toml.ts";

export type PolicyResult =
  | { readonly kind: "policy"; readonly policy: WorkerPolicy; readonly file: string | null }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

const TiB = 1024 ** 4;
const fileBytesMax = 1024 * 1024;
const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;

const schema = v.object({
  types: openSetting(list(typeCountMax), { example: '["render"]' }, "Types that may run here."),
  allow_commands: setting(
    flag(),
    false,
    "Run programs that clients name. They may do what you may.",
  ),
  allow_programs: openSetting(
    list(1000),
    { example: '["blender"]' },
    "The only programs that clients may name.",
  ),
  slots_max: openSetting(whole(1, workerSlotCountMax), { example: "4" }, "Jobs at one time."),
  result_bytes_max: setting(size(1, TiB), resultBytesMaxDefault, "Largest result of a job."),
  pass_environment: setting(list(100), [], "Variables of yours that programs get as well."),
  run_as_root: setting(flag(), false, "Run although the user is root."),
});
const keys = Object.keys(schema.entries);

/** What is allowed when the owner says nothing. */
export const policyDefault: WorkerPolicy = toPolicy(v.parse(schema, {}));

/** Where the file lies when none is named, or null when the system knows no home of the user. */
export function policyPath(environment: Environment, home: string | null): string | null {
  const base = environment["XDG_CONFIG_HOME"];
  if (base !== undefined && isAbsolute(base)) return join(base, "gridlike", "worker.toml");
  return home === null ? null : join(home, ".config", "gridlike", "worker.toml");
}

/** `named`: the file that the owner named, which must be there. `usual`: read if it is there. */
export async function loadWorkerPolicy(
  named: string | null,
  usual: string | null,
): Promise<PolicyResult> {
  const path = named ?? usual;
  if (path === null) return { kind: "policy", policy: policyDefault, file: null };
  const read = readText(path, fileBytesMax);
  if (read.kind === "missing" && named === null) {
    return { kind: "policy", policy: policyDefault, file: null };
  }
  if (read.kind !== "text") {
    const remedy = named === null ? "Make it readable, or take it away." : "Name an existing one.";
    return refused([`${path}: The policy file ${read.problem}. ${remedy}`]);
  }
  if ((await othersMay(path)) === "write") {
    return refused([
      `${path}: Every user may change this policy. Make it yours: chmod 600 ${path}`,
    ]);
  }
  return readWorkerPolicy(path, read.text);
}

export function readWorkerPolicy(path: string, text: string): PolicyResult {
  const parsed = parseToml(text);
  if (parsed.kind === "malformed") {
    const sentence = `This is not valid TOML: ${parsed.problem}.`;
    return refused([formatProblem({ origin: inFile(parsed.at), sentence }, path)]);
  }
  const { root } = parsed;
  const values = [...root.entries].map(([key, entry]) =>
    entry.kind === "value" ? [key, entry.value] : [key, null],
  );
  const read = v.safeParse(schema, Object.fromEntries(values));
  const problems = [
    ...strayProblems(root),
    ...(read.success ? [] : issueProblems(read.issues, root)),
    ...(read.success ? nameProblems(read.output, root) : []),
  ];
  if (read.success && problems.length === 0) {
    return { kind: "policy", policy: toPolicy(read.output), file: path };
  }
  return refused(inReadingOrder(problems).map((problem) => formatProblem(problem, path)));
}

type Written = v.InferOutput<typeof schema>;

function toPolicy(written: Written): WorkerPolicy {
  return Object.freeze({
    types: written.types,
    allowCommands: written.allow_commands,
    programs: written.allow_programs,
    slotsMax: written.slots_max,
    resultBytesMax: written.result_bytes_max,
    environmentNames: written.pass_environment,
    runAsRoot: written.run_as_root,
  });
}

/** Keys that are none, and tables, of which there are none. */
function strayProblems(root: TomlTable): readonly Problem[] {
  return [...root.entries].flatMap(([key, entry]) => {
    const origin = inFile(entry.keyAt);
    if (keys.includes(key)) {
      const sentence = `"${key}" takes a value, not a table.`;
      return entry.kind === "table" ? [{ origin, sentence }] : [];
    }
    const meant = didYouMean(key, keys) || ` Known here: ${keys.join(", ")}.`;
    return [{ origin, sentence: `There is no key "${key}" in a policy.${meant}` }];
  });
}

/** One sentence for each key: further ones repeat the first. */
function issueProblems(
  issues: readonly v.BaseIssue<unknown>[],
  root: TomlTable,
): readonly Problem[] {
  const mustByKey = new Map(
    issues.toReversed().map((issue) => [String(issue.path?.[0]?.key), issue.message] as const),
  );
  return [...mustByKey].flatMap(([key, must]) => {
    const entry = root.entries.get(key);
    if (entry?.kind !== "value") return []; // A table, which was told already.
    return [{ origin: inFile(entry.at), sentence: `${key} is ${entry.text}; it must be ${must}.` }];
  });
}

function nameProblems(written: Written, root: TomlTable): readonly Problem[] {
  const problem = (key: string, sentence: string): Problem => {
    const entry = root.entries.get(key);
    return { origin: entry === undefined ? null : inFile(entry.keyAt), sentence };
  };
  const types = (written.types ?? []).filter((type) => !isTypeName(type));
  const names = written.pass_environment.filter((name) => !variableName.test(name));
  const ours = written.pass_environment.filter((name) => name.startsWith("GRIDLIKE_"));
  return [
    ...types.map((type) => problem("types", `types: ${JSON.stringify(type)} cannot name a type.`)),
    ...names.map((name) =>
      problem("pass_environment", `pass_environment: ${JSON.stringify(name)} names no variable.`),
    ),
    ...ours.map((name) =>
      problem(
        "pass_environment",
        `pass_environment: ${name} is GridLike's own and may be a secret. Take it away.`,
      ),
    ),
  ];
}

function refused(problems: readonly string[]): PolicyResult {
  return { kind: "refused", problems };
}
