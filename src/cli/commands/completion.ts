// `gridlike completion`: prints a script for a shell. It is written in completion.ts, loaded when it is called.

import { Argument, Command } from "commander";

import { writeStdout } from "../../platform/program.ts";
import type { Inherited } from "./shared.ts";

/** `program`: the tree of commands that is completed. */
export function completionCommand(inherited: Inherited, program: Command): Command {
  return inherited(new Command("completion"))
    .summary("Print a script that completes commands in your shell.")
    .description("Print a script that completes commands and flags in your shell.")
    .addArgument(new Argument("<shell>", "Which shell.").choices(["bash", "zsh", "fish"]))
    .addHelpText("after", help)
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const { completionScript } = await import("../completion.ts");
      writeStdout(completionScript(shell, program));
    });
}

const help = `
Examples:
  source <(gridlike completion bash)                                    in ~/.bashrc
  gridlike completion zsh > "\${fpath[1]}/_gridlike"
  gridlike completion fish > ~/.config/fish/completions/gridlike.fish`;
