// Scripts that complete commands and flags, written from the tree of commands so that they know all of them. Each
// first finds the command that the words so far lead to, then offers what may come next. Pure.

import type { Command } from "commander";

import { unreachable } from "../domain/assert.ts";

type Place = {
  /** `/group/ls`; the empty text is the program itself. */
  readonly path: string;
  readonly commands: readonly Word[];
  readonly flags: readonly Flag[];
};
type Word = { readonly word: string; readonly about: string };
type Flag = Word & { readonly isValued: boolean };

export function completionScript(shell: "bash" | "zsh" | "fish", program: Command): string {
  const places = placesOf(program, "");
  const paths = places.map(({ path }) => path).filter((path) => path !== "");
  switch (shell) {
    case "bash":
      return bashScript(places, paths);
    case "zsh":
      return zshScript(places, paths);
    case "fish":
      return fishScript(places, paths);
    default:
      return unreachable(shell);
  }
}

/** The command and all below it. */
function placesOf(command: Command, path: string): readonly Place[] {
  const words = command.commands.map((one) => ({
    word: one.name(),
    about: aboutOf(one.summary() || one.description()),
  }));
  const selectors = command.registeredArguments.some((one) => one.name() === "selectors");
  const flags = command.options.flatMap(({ long, description, required, optional }) =>
    long == null
      ? []
      : [{ word: long, about: aboutOf(description), isValued: required || optional }],
  );
  const named = selectors ? selectorWords : path === "" ? [helpWord] : [];
  const help = { word: "--help", about: "Show help.", isValued: false };
  const place = { path, commands: [...words, ...named], flags: [...flags, help] };
  return [place, ...command.commands.flatMap((one) => placesOf(one, `${path}/${one.name()}`))];
}

const selectorWords: readonly Word[] = [
  { word: "last", about: "What was submitted last." },
  { word: "all", about: "All jobs." },
];

const helpWord: Word = { word: "help", about: "Show the help of a command." };

function aboutOf(text: string): string {
  return text.split("\n")[0] ?? "";
}

function wordsOf({ commands, flags }: Place): readonly Word[] {
  return [...commands, ...flags];
}

/** In single quotes, as all three shells read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bashScript(places: readonly Place[], paths: readonly string[]): string {
  const cases = places.map(
    (place) =>
      `    ${quoted(place.path)}) words=${quoted(
        wordsOf(place)
          .map(({ word }) => word)
          .join(" "),
      )} ;;`,
  );
  return `# Completes gridlike in bash.
_gridlike() {
  local path="" words="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$path/\${COMP_WORDS[index]}" in
      ${paths.join("|")}) path="$path/\${COMP_WORDS[index]}" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _gridlike gridlike
`;
}

function zshScript(places: readonly Place[], paths: readonly string[]): string {
  const cases = places.map((place) => {
    const words = wordsOf(place).map(({ word, about }) => quoted(`${word}:${about}`));
    return `    ${quoted(place.path)}) choices=(${words.join(" ")}) ;;`;
  });
  return `#compdef gridlike
# Completes gridlike in zsh.
_gridlike() {
  local place="" index
  local -a choices
  for ((index = 2; index < CURRENT; index++)); do
    case "$place/\${words[index]}" in
      ${paths.join("|")}) place="$place/\${words[index]}" ;;
    esac
  done
  case "$place" in
${cases.join("\n")}
  esac
  _describe gridlike choices || _files
}
if [ "$funcstack[1]" = "_gridlike" ]; then
  _gridlike "$@"
else
  compdef _gridlike gridlike
fi
`;
}

function fishScript(places: readonly Place[], paths: readonly string[]): string {
  const lines = places.flatMap(({ path, commands, flags }) => {
    const at = `complete -c gridlike -n ${quoted(`__gridlike_at "${path}"`)}`;
    return [
      ...commands.map(({ word, about }) => `${at} -a ${word} -d ${quoted(about)}`),
      ...flags.map(({ word, about, isValued }) => {
        const value = isValued ? " -r" : "";
        return `${at} -l ${word.slice(2)}${value} -d ${quoted(about)}`;
      }),
    ];
  });
  return `# Completes gridlike in fish.
function __gridlike_at
  set -l place ""
  for word in (commandline -opc)[2..-1]
    switch "$place/$word"
      case ${paths.join(" ")}
        set place "$place/$word"
    end
  end
  test "$place" = "$argv[1]"
end
${lines.join("\n")}
`;
}
