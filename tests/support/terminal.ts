// A program on a terminal of its own, as a person would have it in front of them.

export type TerminalSize = { readonly columns: number; readonly rows: number };

export type TestTerminal = AsyncDisposable & {
  type(keys: string): void;
  resize(size: TerminalSize): void;
  /** All that the program wrote, with what steers the terminal. */
  said(): string;
  /** The lines of the newest whole picture, without colours. */
  screen(): readonly string[];
  /** Resolves when the newest picture is as wanted; rejects when the program ends before. */
  until(isWanted: (screen: string, lines: readonly string[]) => boolean): Promise<void>;
  /** The exit code. */
  ended(): Promise<number>;
};

/** Knows pictures by how they are drawn: from the upper left corner, each line erased to its end. */
export function openTerminal(
  words: readonly string[],
  env: { readonly [name: string]: string },
  { columns, rows }: TerminalSize,
): TestTerminal {
  let said = "";
  let look = () => {};
  const decoder = new TextDecoder();
  const program = Bun.spawn([...words], {
    env: { ...env },
    terminal: {
      cols: columns,
      rows,
      data(_, bytes) {
        said += decoder.decode(bytes, { stream: true });
        look();
      },
    },
  });
  const { terminal } = program;
  if (terminal === undefined) throw new Error("No terminal could be opened.");
  const screen = () => {
    const [picture = ""] =
      said
        .split("\u001b[H")
        .findLast((text) => text.includes("\u001b[J"))
        ?.split("\u001b[J") ?? [];
    return Bun.stripANSI(picture.replaceAll("\u001b[K", "\u0000"))
      .split("\u0000")
      .map((line) => line.trim())
      .slice(0, -1);
  };
  return {
    type: (keys) => void terminal.write(keys),
    resize: (size) => terminal.resize(size.columns, size.rows),
    said: () => said,
    screen,
    async until(isWanted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      look = () => {
        const lines = screen();
        if (isWanted(lines.join("\n"), lines)) resolve();
      };
      look();
      const ended = program.exited.then((code) => {
        throw new Error(`The program ended with ${code}:\n${said}`);
      });
      await Promise.race([promise, ended]);
      look = () => {};
    },
    ended: () => program.exited,
    async [Symbol.asyncDispose]() {
      program.kill("SIGKILL");
      await program.exited;
      terminal.close();
    },
  };
}
