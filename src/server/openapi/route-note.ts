// What is to be known of a route beside what its code does: for /openapi.json and /docs. Every route has a note in one
// of the notes files; a test holds them against the routes that the server really has.

import type * as v from "valibot";
import type { ProblemCode } from "../../domain/errors.ts";
import type { answers } from "../../protocol/answers.ts";

/** Which credential opens it. `attempt`: the token that came with a claim. */
export type Audience = "anyone" | "api" | "worker" | "attempt";

export type AnswerName = keyof typeof answers;

/** What a body consists of: a shape by its name, many of it, an object, or bytes and text without a shape. */
export type BodyShape =
  | { readonly is: "one" | "many"; readonly of: AnswerName }
  | { readonly is: "object"; readonly schema: AnyObject }
  | { readonly is: "form"; readonly schema: AnyObject; readonly file: string }
  | { readonly is: "bytes" | "text" };

export type AnyObject = v.ObjectSchema<v.ObjectEntries, undefined>;

export type AnswerNote = {
  readonly status: number;
  readonly says: string;
  /** Left out where the answer has no body. */
  readonly body?: { readonly media: string; readonly shape: BodyShape };
  /** Names of headers that it carries, each described in words.ts. */
  readonly headers?: readonly string[];
};

export type RouteNote = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Below path_base, with {names} that words.ts describes. */
  readonly path: string;
  readonly group: RouteGroup;
  /** One line. */
  readonly does: string;
  /** What else a caller should know. */
  readonly more?: string;
  readonly who: Audience;
  /** Whether HEAD is answered as well, with the same headers. */
  readonly hasHead?: boolean;
  readonly query?: AnyObject;
  /** Names of headers that it reads, each described in words.ts. */
  readonly headers?: readonly string[];
  readonly body?: {
    readonly isRequired: boolean;
    readonly says: string;
    readonly kinds: readonly { readonly media: string; readonly shape: BodyShape }[];
  };
  readonly answers: readonly AnswerNote[];
  /** The problems of its own; those of every route of its audience are added. */
  readonly problems: readonly ProblemCode[];
  /** Arguments of curl that show it, where the path alone does not. */
  readonly example?: string;
};

export const routeGroups = {
  submit: "Submitting jobs",
  jobs: "One job",
  many: "Many jobs and groups",
  feed: "Following what happens",
  workers: "Types, workers and figures",
  work: "Working without a socket",
  server: "The server itself",
} as const;
export type RouteGroup = keyof typeof routeGroups;

export const jsonMedia = "application/json";

export const one = (of: AnswerName) =>
  ({ media: jsonMedia, shape: { is: "one", of } }) as const satisfies AnswerNote["body"];
export const many = (of: AnswerName) =>
  ({ media: jsonMedia, shape: { is: "many", of } }) as const satisfies AnswerNote["body"];
export const text = { media: "text/plain", shape: { is: "text" } } as const;
