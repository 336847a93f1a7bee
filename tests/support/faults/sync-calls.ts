// What a kill cannot show: whether the disk was asked to keep the bytes before the caller was told that they are
// kept. Watches the sync calls of a running server with strace. Each call is on record before the server goes
// on, so those found when an answer is there came before it.

import { readFile } from "node:fs/promises";

export type SyncWatch = {
  /** Paths synced since the last look, in the order in which the calls returned. */
  look(): Promise<readonly string[]>;
  stop(): Promise<void>;
};

/** Null where strace is missing or may not watch processes. Ends by itself with the process it watches. */
export async function watchSyncs(pid: number, record: string): Promise<SyncWatch | null> {
  const strace = Bun.which("strace");
  if (strace === null) return null;
  const said = `${record}.said`;
  await Bun.write(said, "");
  const tracer = Bun.spawn(
    [strace, "-f", "-y", "-p", String(pid), "-e", "trace=fsync,fdatasync", "-o", record],
    { stdin: "ignore", stdout: "ignore", stderr: Bun.file(said) },
  );
  const stop = async () => {
    tracer.kill();
    await tracer.exited;
  };
  if (!(await isAttached(tracer, said))) {
    await stop();
    return null;
  }
  let seenCount = 0;
  return {
    async look() {
      const paths = syncedPaths(await readFile(record, "utf8"));
      const fresh = paths.slice(seenCount);
      seenCount = paths.length;
      return fresh;
    },
    stop,
  };
}

/** `PID fdatasync(FD<PATH>) = 0`, or the same in two lines when another thread came between. */
function syncedPaths(record: string): readonly string[] {
  const begun = new Map<string, string>();
  const paths: string[] = [];
  for (const line of record.split("\n")) {
    const [, pid = "", path = ""] = /^(\d+) +f(?:data)?sync\(\d+<(.*?)>/.exec(line) ?? [];
    const [, resumed = ""] = /^(\d+) +<\.\.\. f(?:data)?sync resumed>/.exec(line) ?? [];
    if (line.endsWith("<unfinished ...>")) begun.set(pid, path);
    else if (line.endsWith("= 0")) paths.push(path === "" ? (begun.get(resumed) ?? "") : path);
  }
  return paths.filter((path) => path !== "");
}

/** It says so once it watches the process and all its threads; when it may not, it ends. */
async function isAttached(tracer: Bun.Subprocess, said: string): Promise<boolean> {
  while (tracer.exitCode === null && tracer.signalCode === null) {
    if ((await Bun.file(said).text()).includes("attached")) return true;
    await Bun.sleep(5);
  }
  return false;
}
