// A disk that is soon full: a file system in memory, which a user may mount in a name space of their own.
// Where that is not allowed such a test is skipped.

export function canMount(): boolean {
  if (process.platform !== "linux") return false;
  return Bun.spawnSync(onSmallDisk(["true"], "/mnt", "1m"), { stderr: "ignore" }).success;
}

/** The command that runs `program` with a disk of `size` at `directory`, which nobody else sees. */
export function onSmallDisk(program: readonly string[], directory: string, size: string): string[] {
  const script = 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" && shift 2 && exec "$@"';
  return ["unshare", "-rm", "sh", "-c", script, "sh", size, directory, ...program];
}
