// Tells from inside a job how far it is. The agent's door takes it; outside of a job there is none.

import { environment, exitWhenDone } from "../platform/program.ts";
import { postLoopback } from "../platform/loopback.ts";
import { noteMsMax } from "./limits.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice } from "./output.ts";

export type NoteOptions = {
  /** As it was typed, or null. */
  readonly percent: string | null;
  readonly info: string | null;
};

export async function note({ percent, info }: NoteOptions): Promise<void> {
  const refuse = (code: number, sentence: string) => {
    printNotice(`gridlike: ${sentence}`);
    exitWhenDone(code);
  };
  const address = environment()["GRIDLIKE_API"] ?? "";
  const url = URL.canParse(`${address}/note`) ? new URL(`${address}/note`) : null;
  if (url === null || url.protocol !== "http:") {
    return refuse(
      exitCode.usage,
      "A note is sent from inside a running job: GRIDLIKE_API, which a worker sets for its jobs, is not set.",
    );
  }
  const json = JSON.stringify({ percent, info });
  const answer = await postLoopback({ url, json, msMax: noteMsMax });
  if (answer.kind === "unreachable") {
    return refuse(exitCode.unavailable, `The worker cannot be told: ${answer.problem}.`);
  }
  if (answer.status === 204) return;
  refuse(answer.status === 400 ? exitCode.usage : exitCode.refused, answer.text.trim());
}
