// What the program says: results on standard output, where a script reads them, everything else beside it.

import { writeStderr, writeStdout } from "../platform/program.ts";

export function printResult(line: string): void {
  writeStdout(`${line}\n`);
}

export function printNotice(line: string): void {
  writeStderr(`${line}\n`);
}
