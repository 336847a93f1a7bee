// What must not travel with the project: addresses in the lock file, paths of one machine, hosts of registries.
import type { Files } from "./project-files.ts";

/** The entries of a lock file that name an address to download from. Text is JSON with trailing commas. */
export function lockProblems(text: string): readonly string[] {
  const lock: unknown = JSON.parse(text.replaceAll(/,(?=\s*[\]}])/g, ""));
  if (typeof lock !== "object" || lock === null || !("packages" in lock)) {
    return ["bun.lock: has no packages"];
  }
  return Object.entries(lock.packages ?? {}).flatMap(([name, entry]) =>
    Array.isArray(entry) && entry[1] === ""
      ? []
      : [`bun.lock: ${name} names where to download it from`],
  );
}

/** Lines that name a path of one machine or the host of a registry. `folders`: paths of this very machine. */
export function strangerProblems(files: Files, folders: readonly string[]): readonly string[] {
  return [...files].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const found = folders.find((folder) => mentions(line, folder)) ?? strange(line);
      return found === null ? [] : [`${path}:${index + 1}: names ${found}`];
    }),
  );
}

const homes =
  /(?<![\w.}/-])\/(?:home|Users)\/[a-z][\w.-]*|(?<![\w.}/-])\/root\/[\w.]|[A-Z]:\\Users\\/;
const registries =
  /\bregistry\.[a-z0-9-]+\.[a-z]{2,}|\b[a-z0-9.-]*(?:npmjs|npmmirror|yarnpkg|jfrog|pypi|pythonhosted)\.(?:org|com|io)\b|\bdeb\.debian\.org\b/;

function strange(line: string): string | null {
  return homes.exec(line)?.[0] ?? registries.exec(line)?.[0] ?? null;
}

/** A short folder such as `/` or `/app` says nothing of a machine. */
function mentions(line: string, folder: string): boolean {
  const at = line.indexOf(folder);
  return at !== -1 && folder.split("/").length > 2 && !/[\w.}-]/.test(line[at - 1] ?? "");
}
