// Reads configurations in tests without a file, an environment or a machine behind them.
import type { Config } from "../../src/config/config.ts";
import { readConfig } from "../../src/config/read-config.ts";
import type { ConfigFlag } from "../../src/config/read-config.ts";

export type ConfigCase = {
  readonly environment?: { readonly [name: string]: string };
  readonly flags?: readonly ConfigFlag[];
  /** Files beside the configuration, by absolute path. */
  readonly files?: { readonly [path: string]: string };
  readonly addresses?: readonly string[];
};

/** Reads `text` as /etc/gl/gl.toml, or no file when it is null, started in /srv. */
export function readingOf(text: string | null, options: ConfigCase = {}) {
  const files = new Map(Object.entries(options.files ?? {}));
  return readConfig({
    file: text === null ? null : { path: "/etc/gl/gl.toml", text },
    environment: options.environment ?? {},
    flags: options.flags ?? [],
    folder: "/srv",
    addresses: options.addresses ?? ["192.168.1.7"],
    readText: (path) => {
      const found = files.get(path);
      return found === undefined
        ? { kind: "missing", problem: "does not exist" }
        : { kind: "text", text: found };
    },
  });
}

/** The configuration, which must be valid. */
export function configOf(text: string | null, options: ConfigCase = {}): Config {
  const result = readingOf(text, options);
  if (result.kind === "config") return result.config;
  throw new Error(`The configuration is refused:\n${result.problems.join("\n")}`);
}

/** The problems, without the name of the file; none when it is valid. */
export function problemsOf(text: string | null, options: ConfigCase = {}): readonly string[] {
  const result = readingOf(text, options);
  if (result.kind === "config") return [];
  return result.problems.map((problem) => problem.replace(/^\/etc\/gl\/gl\.toml:/, ""));
}
