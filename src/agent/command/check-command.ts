// Whether the command that a machine's owner gave can be run at all: asked before the worker connects, so that a typing
// mistake is one sentence at the terminal and not a failure of every job.

import { findProgram, isFileIn } from "../../platform/find-program.ts";

export type CheckedCommand =
  /** `notice`: a sentence about what will probably go wrong, or null. */
  | {
      readonly kind: "ready";
      readonly command: readonly string[];
      readonly notice: string | null;
    }
  | { readonly kind: "refused"; readonly sentence: string };

/** `folder`: where the owner stands. `path`: the folders to search for programs, as in PATH. */
export function checkCommand(
  words: readonly string[],
  { folder, path }: { readonly folder: string; readonly path: string },
): CheckedCommand {
  const [name = "", ...rest] = words;
  if (name === "") {
    return refused("No command is given. Say after -- what to run, such as: -- ./work.sh");
  }
  if (words.some((word) => word.includes("\0"))) {
    return refused("The command holds a NUL character. Leave it out.");
  }
  const found = findProgram(name, folder, path);
  if (found.kind === "missing") {
    return refused(
      `The program ${JSON.stringify(name)} ${found.problem}. Name one that this user can execute.`,
    );
  }
  const stray = rest.find((word) => isFileIn(folder, word));
  const notice =
    stray === undefined
      ? null
      : `${JSON.stringify(stray)} lies in this folder, but each job runs in a fresh one: if the file is meant, name it ${JSON.stringify(`${folder.replace(/\/$/, "")}/${stray}`)}.`;
  return { kind: "ready", command: [found.path, ...rest], notice };
}

function refused(sentence: string): CheckedCommand {
  return { kind: "refused", sentence };
}
