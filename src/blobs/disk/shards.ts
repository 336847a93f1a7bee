// The 256 directories that the files are spread over by the first two digits of their names, so that none
// grows too large to be listed. Each is made when its first file comes.

import { join } from "node:path";
import { makePrivateDirectory, syncDirectory } from "../../platform/durable-files.ts";

export type Shards = {
  /** The path of a shard whose own name is durable. */
  require(shard: string): Promise<string>;
  /** Something went wrong within it: it is made again, if need be, for its next file. */
  forget(shard: string): void;
};

export function shardOf(name: string): string {
  return name.slice(0, 2);
}

export function isShard(name: string): boolean {
  return /^[0-9a-f]{2}$/.test(name);
}

export function createShards(directory: string): Shards {
  const pathsByShard = new Map<string, Promise<string>>();
  // One that stands already may have been made just before a power cut, so its name is synced as well.
  const make = async (shard: string) => {
    const path = join(directory, shard);
    if (!(await makePrivateDirectory(path))) await syncDirectory(directory);
    return path;
  };
  const forget = (shard: string) => {
    pathsByShard.delete(shard);
  };
  return {
    require: (shard) => {
      const known = pathsByShard.get(shard);
      if (known !== undefined) return known;
      const made = make(shard);
      pathsByShard.set(shard, made);
      made.catch(() => forget(shard)); // whoever waits for it gets the error
      return made;
    },
    forget,
  };
}
