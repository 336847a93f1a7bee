// Reads the configuration of this process: the file that was named, its environment and its flags. Apart from
// read-config.ts so that the rules can be tried without any of them.

import { machineAddresses } from "../platform/addresses.ts";
import { readText } from "../platform/files.ts";
import { currentFolder, environment } from "../platform/program.ts";
import { readConfig } from "./read-config.ts";
import type { ConfigFlag, ConfigResult } from "./read-config.ts";

/** Far above any real configuration: a thousand types with every key set stay below it. */
const fileBytesMax = 4 * 1024 * 1024;

/** `path`: the file as the user named it, or null to do without one. */
export function loadConfig(path: string | null, flags: readonly ConfigFlag[]): ConfigResult {
  const read = path === null ? null : readText(path, fileBytesMax);
  if (read !== null && read.kind !== "text") {
    const remedy =
      read.kind === "missing" ? " Name an existing one with --config, or leave the flag out." : "";
    return {
      kind: "refused",
      problems: [`${path}: The configuration file ${read.problem}.${remedy}`],
    };
  }
  return readConfig({
    file: read === null || path === null ? null : { path, text: read.text },
    environment: environment(),
    flags,
    folder: currentFolder(),
    readText: (secretPath) => readText(secretPath, fileBytesMax),
    addresses: machineAddresses(),
  });
}
