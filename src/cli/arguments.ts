// The short ways to say things, written out: flags without a command mean `server start`, flags that name a server may
// stand before the command, and `help server` asks for the help of `server`.

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
  if (first.startsWith("-") && !ofTheProgram.has(first)) {
    return serverFlagsBehind(words, program) ?? ["server", "start", ...words];
  }
  return first === "help" ? words : upToMistake(words, program);
}

/** `-s closet ls` is `ls -s closet`. Null when no command follows. */
function serverFlagsBehind(words: readonly string[], program: CommandTree) {
  let at = 0;
  while (/^(?:-s|--server|--url)$/.test(words[at] ?? "")) at += 2;
  while (/^--(?:server|url)=/.test(words[at] ?? "")) at += 1;
  const rest = words.slice(at);
  const depth = depthOf(rest, program);
  if (at === 0 || depth === 0) return null;
  return [...rest.slice(0, depth), ...words.slice(0, at), ...rest.slice(depth)];
}

/** How many of the first words name commands. */
function depthOf(words: readonly string[], program: CommandTree): number {
  let command = program;
  for (const [index, word] of words.entries()) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) return index;
    command = next;
  }
  return words.length;
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
