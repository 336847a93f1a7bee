// The texts of the project as the tidy checks want them: by path from its root, with slashes.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dir, "../..");

/** A problem is a line to show: the file, then what is wrong with it. */
export type Files = ReadonlyMap<string, string>;

/** The files that match, which are neither installed nor built nor another's data. */
export function filesOf(...patterns: readonly string[]): Files {
  const paths = patterns.flatMap((pattern) => [
    ...new Bun.Glob(pattern).scanSync({ cwd: root, dot: true, onlyFiles: true }),
  ]);
  const own = paths.map((path) => path.replaceAll("\\", "/")).filter((path) => !isForeign(path));
  return new Map(
    own.toSorted(byText).map((path) => [path, readFileSync(join(root, path), "utf8")]),
  );
}

/** The files that are in version control, or would be; all that are ours where there is none. */
export async function trackedFiles(): Promise<Files> {
  const words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const run = Bun.spawnSync(words, { cwd: root, stderr: "ignore" });
  const listed = run.success ? run.stdout.toString().split("\0").filter(Boolean) : [];
  if (listed.length === 0) return filesOf("**/*");
  const texts = await Promise.all(
    listed.map(async (path) => {
      const file = Bun.file(join(root, path));
      return [path, (await file.exists()) ? await file.text() : ""] as const;
    }),
  );
  return new Map(texts.filter(([, text]) => !text.includes("\0")));
}

function isForeign(path: string): boolean {
  return /(?:^|\/)(?:node_modules|\.tools|\.git|dist|data|__pycache__)\//.test(path);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
