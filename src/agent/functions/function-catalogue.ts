// Which file of a folder serves which job type. `echo.js` serves `echo`; a function `loud` that it exports serves
// `echo.loud`; a plugin in any file serves the name that it gives itself. Looked up anew when a file is added.

import { GridError } from "../../domain/errors.ts";
import { isTypeName } from "../../domain/job-type.ts";
import { namesIn } from "../../platform/durable-files.ts";
import { stampOf } from "../../platform/file-stamp.ts";
import type { HostListing } from "./host-messages.ts";

/** What serves a type: a function of a file, or its main one. */
export type FoundFunction = {
  readonly file: string;
  /** The file's name up to its first dot. */
  readonly name: string;
  readonly handler: string | null;
};

export type FunctionCatalogue = {
  /** A sentence says why there is none. */
  find(type: string): Promise<FoundFunction | string>;
  /** All types that the folder serves now, in order. */
  types(): Promise<readonly string[]>;
};

const scriptPattern = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const otherPattern = /^[._]|\.d\.[cm]?ts$|\.(?:test|spec)\.[a-z]+$/;

/** The ids of the functions in a folder: names of files up to the first dot. Throws `malformed` when two are the same. */
export async function functionTypes(folder: string): Promise<readonly string[]> {
  return [...(await filesIn(folder)).keys()];
}

/** `list`: loads a file in a process of its own, and tells what is in it; a sentence says why it cannot. */
export function createFunctionCatalogue(
  folder: string,
  list: (file: string) => Promise<HostListing | string>,
): FunctionCatalogue {
  let filesById: ReadonlyMap<string, string> = new Map();
  const listings = new Map<string, { readonly stamp: string | null; readonly of: HostListing }>();

  async function fileOf(id: string): Promise<string | null> {
    const known = filesById.get(id);
    if (known !== undefined && stampOf(known) !== null) return known;
    filesById = await filesIn(folder);
    return filesById.get(id) ?? null;
  }

  async function listingOf(file: string): Promise<HostListing | null> {
    const stamp = stampOf(file);
    const known = listings.get(file);
    if (known !== undefined && known.stamp === stamp) return known.of;
    const of = await list(file);
    if (typeof of === "string") return null;
    listings.set(file, { stamp, of });
    return of;
  }

  async function findPlugin(type: string): Promise<FoundFunction | null> {
    for (const [name, file] of filesById) {
      const listing = await listingOf(file);
      if (listing?.plugins.includes(type) === true) return { file, name, handler: type };
    }
    return null;
  }

  return {
    async find(type) {
      const [id = "", ...rest] = type.split(".");
      try {
        const file = await fileOf(id);
        const handler = rest.length === 0 ? null : rest.join(".");
        if (file !== null) return { file, name: id, handler };
        return (await findPlugin(type)) ?? `Task file ${id} does not exists`;
      } catch (error) {
        if (error instanceof GridError) return error.message;
        throw error;
      }
    },
    async types() {
      filesById = await filesIn(folder);
      const types: string[] = [];
      for (const [id, file] of filesById) {
        const { handlers = [], plugins = [] } = (await listingOf(file)) ?? {};
        types.push(id, ...handlers.map((handler) => `${id}.${handler}`), ...plugins);
      }
      return [...new Set(types)].filter(isTypeName).sort();
    },
  };
}

async function filesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const filesById = new Map<string, string>();
  for (const name of await namesOrNothing(folder)) {
    const [id = ""] = name.split(".");
    if (!scriptPattern.test(name) || otherPattern.test(name) || !isTypeName(id)) continue;
    const other = filesById.get(id);
    if (other !== undefined) {
      const sentence = `Both ${other} and ${folder}/${name} are for the type "${id}". Rename one of them.`;
      throw new GridError("malformed", sentence);
    }
    filesById.set(id, `${folder}/${name}`);
  }
  return filesById;
}

async function namesOrNothing(folder: string): Promise<readonly string[]> {
  try {
    return await namesIn(folder);
  } catch (error) {
    const sentence = `The folder of functions ${folder} cannot be read. Name a folder with .js or .ts files.`;
    throw new GridError("malformed", sentence, {}, { cause: error });
  }
}
