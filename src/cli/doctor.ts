// Tells what an examination of a data directory found: for people line by line, for scripts as JSON.

import { loadConfig } from "../config/load-config.ts";
import { exitWhenDone } from "../platform/program.ts";
import { StartError } from "../platform/start-error.ts";
import { examine, type Examination } from "../wiring/examine.ts";
import type { Finding } from "../wiring/findings.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice, printResult } from "./output.ts";

export type DoctorOptions = {
  /** Null: as the configuration says. */
  readonly dataDir: string | null;
  readonly file: string | null;
  readonly isDeep: boolean;
  readonly isJson: boolean;
};

export async function doctor({ dataDir, file, isDeep, isJson }: DoctorOptions): Promise<void> {
  const flags =
    dataDir === null ? [] : [{ flag: "--data-dir", name: "server.data_dir", text: dataDir }];
  const loaded = loadConfig(file, flags);
  if (loaded.kind === "refused") {
    for (const problem of loaded.problems) printNotice(problem);
    return exitWhenDone(exitCode.usage);
  }
  try {
    const examination = await examine({ path: loaded.config.server.dataDir, isDeep });
    if (isJson) printResult(JSON.stringify(toJson(examination, isDeep)));
    else tell(examination, isDeep);
    exitWhenDone(examination.findings.length === 0 ? exitCode.ok : exitCode.found);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    printNotice(`gridlike: ${error.message}`);
    exitWhenDone(exitCode.unavailable);
  }
}

function toJson({ path, clusterId, findings, looked }: Examination, isDeep: boolean) {
  return {
    data_dir: path,
    cluster_id: clusterId,
    deep: isDeep,
    blobs: looked.blobCount,
    bytes: looked.byteCount,
    findings,
  };
}

function tell({ path, clusterId, findings, looked }: Examination, isDeep: boolean): void {
  for (const finding of findings) for (const line of linesOf(finding)) printResult(line);
  const read = isDeep ? "were read and checked" : "were looked up; --deep reads them too";
  const { blobCount, byteCount } = looked;
  printResult(`${path}: grid ${clusterId ?? "unknown"}`);
  printResult(`${blobCount} payloads and results of ${byteCount} bytes in all ${read}.`);
  printResult(findings.length === 0 ? "Nothing is wrong." : summary(findings));
}

function linesOf({ severity, what, count, examples, remedy }: Finding): readonly string[] {
  const further = count - examples.length;
  return [
    `${severity}: ${what}`,
    ...examples.map((example) => `  ${example}`),
    ...(further > 0 ? [`  and ${further} more`] : []),
    `  -> ${remedy}`,
    "",
  ];
}

function summary(findings: readonly Finding[]): string {
  const isHarmless = findings.every(({ severity }) => severity === "leftover");
  return isHarmless ? "Nothing of this does harm." : "See above for what to do.";
}
