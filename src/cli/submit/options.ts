// What `gridlike submit` was asked for, as the rest of it understands it.

import type { JobRequest } from "../../client/index.ts";

export type SubmitOptions = {
  readonly work: Work;
  /** Of every job; its key, where there are several, is the beginning of theirs. */
  readonly request: Omit<JobRequest, "type" | "contentType">;
  readonly many: Many;
  readonly isWaiting: boolean;
  readonly output: "key" | "json" | "number";
};

export type Work =
  | {
      readonly kind: "payloads";
      readonly type: string | null;
      /** `-` is standard input. */
      readonly files: readonly string[];
      readonly contentType: string | null;
    }
  | {
      readonly kind: "command";
      /** One word is a line for the shell; several are a program and its arguments. */
      readonly words: readonly string[];
      /** Files that travel along; `-` is what the command reads from standard input. */
      readonly files: readonly string[];
      readonly returned: readonly string[];
      readonly env: { readonly [name: string]: string };
    };

/** Several jobs of one group, or one for each file. */
export type Many =
  | { readonly kind: "none" }
  | {
      readonly kind: "array";
      readonly ranges: readonly Range[];
      readonly runningMax: number | null;
    }
  | { readonly kind: "lines"; readonly file: string }
  | { readonly kind: "json"; readonly file: string };

export type Range = { readonly from: number; readonly to: number; readonly step: number };
