// The whole terminal for a command that draws on it: its other screen without a cursor, keys as they are typed, its size
// as it changes. However the process ends, the terminal is given back as it was.

import { writeSync } from "node:fs";

import { isTerminal, writeOut } from "./terminal.ts";

export type ScreenSize = { readonly columns: number; readonly rows: number };

export type Screen = {
  size(): ScreenSize;
  /** In place of all that stood there. The lines must fit. Throws `ReaderGone`. */
  draw(lines: readonly string[]): Promise<void>;
  /** May be called twice. */
  close(): void;
};

export type ScreenNews = {
  /** Keys as their bytes: Ctrl-C comes as one and sends no signal. Nothing comes where no terminal is typed at. */
  readonly onKeys: (keys: string) => void;
  readonly onResize: () => void;
  /** Nobody types any more: the terminal is gone. */
  readonly onEnd: () => void;
};

const enter = "\u001b[?1049h\u001b[?25l\u001b[2J";
const leave = "\u001b[?25h\u001b[?1049l";

export function openScreen({ onKeys, onResize, onEnd }: ScreenNews): Screen {
  const { stdin, stdout } = process;
  const isTyped = (stdin as { readonly isTTY?: boolean }).isTTY === true; // Undefined where it is none.
  let isOpen = true;
  const hear = (data: Uint8Array | string) => onKeys(data.toString());
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    process.off("exit", close);
    stdout.off("resize", onResize);
    stdin.off("data", hear).off("end", onEnd).off("error", onEnd);
    if (isTyped) stdin.setRawMode(false).pause();
    sayNow(leave);
  };
  process.on("exit", close);
  stdout.on("resize", onResize);
  if (isTyped) stdin.setRawMode(true).on("data", hear).on("end", onEnd).on("error", onEnd).resume();
  sayNow(enter);
  return {
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    // Each line erases what stood behind it, so that nothing flickers.
    draw: (lines) =>
      isOpen
        ? writeOut(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`)
        : Promise.resolve(),
    close,
  };
}

/** True where a screen can be opened: a terminal that knows how to be drawn on. */
export function isDrawable(): boolean {
  const { TERM = "" } = process.env;
  return isTerminal("stdout") && TERM !== "" && TERM !== "dumb";
}

/** At once, because the process may be about to end. */
function sayNow(text: string): void {
  try {
    writeSync(1, text);
  } catch {
    // The terminal is gone, or takes nothing at this moment: there is nobody to tell.
  }
}
