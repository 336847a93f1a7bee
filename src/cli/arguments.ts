// The short ways to say things, written out: flags without a command mean `server start`, and `help server` asks
// for the help of `server`.

/** A command and the commands below it, as far as their names matter here. */
export type CommandTree = {
  name(): string;
  readonly commands: readonly CommandTree[];
};

const ofTheProgram = new Set(["-h", "--help", "-V", "--version"]);

/** The words with every short way written out. */
export function writtenOut(words: readonly string[], program: CommandTree): readonly string[] {
  const [first = "", ...rest] = words;
  if (first === "help" && rest.length > 0) return upToMistake([...rest, "--help"], program);
  if (first.startsWith("-") && !ofTheProgram.has(first)) return ["server", "start", ...words];
  return first === "help" ? words : upToMistake(words, program);
}

/** Ends after the first word that names no command: a wish for help must not hide the mistake. */
function upToMistake(words: readonly string[], program: CommandTree): readonly string[] {
  let command = program;
  for (const [index, word] of words.entries()) {
    if (word.startsWith("-") || command.commands.length === 0) break;
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) return words.slice(0, index + 1);
    command = next;
  }
  return words;
}
