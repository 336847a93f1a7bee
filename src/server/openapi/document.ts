// The description of the API as an OpenAPI 3.1 document, made of the notes and of the schemas that the routes read
// with. Pure.

import { toJsonSchema, toJsonSchemaDefs } from "@valibot/to-json-schema";
import { unreachable } from "../../domain/assert.ts";
import { problems, type Json, type ProblemCode } from "../../domain/errors.ts";
import { answers } from "../../protocol/answers.ts";
import { problemMediaType } from "../../protocol/problem.ts";
import {
  routeGroups,
  type AnswerNote,
  type AnyObject,
  type Audience,
  type BodyShape,
  type RouteNote,
} from "./route-note.ts";
import { headerWords, pathWords, queryWords } from "./words.ts";

type JsonObject = { readonly [name: string]: Json };

export type OpenApiDocument = JsonObject & {
  readonly paths: { readonly [path: string]: JsonObject };
  readonly components: { readonly securitySchemes: JsonObject; readonly schemas: JsonObject };
};

export function toDocument(notes: readonly RouteNote[], version: string): OpenApiDocument {
  const paths: { [path: string]: { [method: string]: Json } } = {};
  for (const note of notes) {
    const path = (paths[note.path] ??= {});
    path[note.method.toLowerCase()] = toOperation(note);
    if (note.hasHead === true) path["head"] = toHead(note);
  }
  return {
    openapi: "3.1.0",
    info: { title: "GridLike", version, description: introduction, license: { name: "MIT" } },
    // Relative to this document, so that it is right under any path that a proxy may put it.
    servers: [{ url: "." }],
    tags: Object.entries(routeGroups).map(([name, description]) => ({ name, description })),
    paths,
    components: { securitySchemes, schemas: schemas() },
  };
}

function toOperation(note: RouteNote): JsonObject {
  const { body } = note;
  return {
    operationId: operationId(note.method, note.path),
    tags: [note.group],
    summary: note.does,
    ...(note.more !== undefined && { description: note.more }),
    security: security[note.who],
    parameters: parametersOf(note),
    ...(body !== undefined && {
      requestBody: {
        description: body.says,
        required: body.isRequired,
        content: Object.fromEntries(
          body.kinds.map(({ media, shape }) => [media, { schema: toSchema(shape) }]),
        ),
      },
    }),
    responses: { ...problemAnswers(note), ...ownAnswers(note.answers) },
    "x-curl": curlOf(note),
  };
}

function toHead(note: RouteNote): JsonObject {
  return {
    operationId: operationId("HEAD", note.path),
    tags: [note.group],
    summary: `${note.does}: the headers alone`,
    security: security[note.who],
    parameters: parametersOf(note),
    responses: { "200": { description: "The headers of GET, without its bytes." } },
  };
}

/** `GET /api/jobs/{job}/result` is `get_jobs_job_result`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/api\//, "/").match(/[a-z0-9]+/gi) ?? [];
  return [method.toLowerCase(), ...words].join("_");
}

function parametersOf({ path, query, headers = [] }: RouteNote): readonly JsonObject[] {
  const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => name);
  return [
    ...inPath.map((name) => ({
      name,
      in: "path",
      required: true,
      description: requireWord(pathWords, name),
      schema: { type: "string" },
    })),
    ...Object.entries(query?.entries ?? {}).map(([name, schema]) => ({
      name,
      in: "query",
      required: schema.type !== "optional",
      description: requireWord(queryWords, name),
      schema: toPlainSchema(schema),
    })),
    ...headers.map((name) => ({
      name,
      in: "header",
      required: false,
      description: requireWord(headerWords, name),
      schema: { type: "string" },
    })),
  ];
}

function ownAnswers(notes: readonly AnswerNote[]): JsonObject {
  return Object.fromEntries(
    notes.map(({ status, says, body, headers = [] }) => [
      String(status),
      {
        description: says,
        ...(body !== undefined && {
          content: { [body.media]: { schema: toSchema(body.shape) } },
        }),
        ...(headers.length > 0 && {
          headers: Object.fromEntries(
            headers.map((name) => [
              name,
              { description: requireWord(headerWords, name), schema: { type: "string" } },
            ]),
          ),
        }),
      },
    ]),
  );
}

/** Problems share a status: each status names its codes. */
function problemAnswers({ who, problems: own }: RouteNote): JsonObject {
  const codesByStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set([...common[who], ...own])) {
    const { status } = problems[code];
    codesByStatus.set(status, [...(codesByStatus.get(status) ?? []), code]);
  }
  const content = { [problemMediaType]: { schema: refTo("Problem") } };
  return Object.fromEntries(
    Array.from(codesByStatus, ([status, codes]) => [
      String(status),
      { description: codes.map((code) => `${code}: ${problems[code].title}`).join(". "), content },
    ]),
  );
}

const everyones = ["malformed", "host-not-served", "internal"] as const;
const authenticated = [...everyones, "unknown-option", "unauthenticated", "forbidden"] as const;
const common = {
  anyone: everyones,
  api: authenticated,
  worker: authenticated,
  attempt: authenticated,
} as const satisfies Record<Audience, readonly ProblemCode[]>;

const security: Readonly<Record<Audience, readonly JsonObject[]>> = {
  anyone: [],
  api: [{ apiKey: [] }, { bearer: [] }],
  worker: [{ workerToken: [] }, { bearer: [] }],
  attempt: [{ attemptToken: [] }],
};

const securitySchemes: JsonObject = {
  apiKey: { type: "apiKey", in: "header", name: "X-API-KEY", description: "The API key." },
  bearer: { type: "http", scheme: "bearer", description: "The same as Authorization." },
  workerToken: {
    type: "apiKey",
    in: "header",
    name: "X-API-KEY",
    description: "The worker token.",
  },
  attemptToken: {
    type: "apiKey",
    in: "header",
    name: "Gridlike-Attempt-Token",
    description: "The token that came with a claim.",
  },
};

function toSchema(shape: BodyShape): JsonObject {
  switch (shape.is) {
    case "one":
      return refTo(shape.of);
    case "many":
      return { type: "array", items: refTo(shape.of) };
    case "object":
      return toPlainSchema(shape.schema);
    case "form":
      return withFile(shape.schema, shape.file);
    case "bytes":
      return { type: "string", format: "binary" };
    case "text":
      return { type: "string" };
    default:
      return unreachable(shape);
  }
}

function withFile(schema: AnyObject, file: string): JsonObject {
  const plain = toPlainSchema(schema);
  const fields = plain["properties"] as JsonObject; // An object's schema has them.
  return {
    ...plain,
    properties: { [file]: { type: "string", format: "binary" }, ...fields },
    required: [file],
  };
}

/** Checks that JSON Schema has no words for are left out: the sentence of the refusal tells them. */
const conversion = { target: "draft-2020-12", errorMode: "ignore" } as const;

function toPlainSchema(schema: Parameters<typeof toJsonSchema>[0]): JsonObject {
  const { $schema: _, ...plain } = toJsonSchema(schema, conversion);
  return plain as JsonObject; // A JSON Schema is JSON.
}

function schemas(): JsonObject {
  const overrideRef = ({ referenceId }: { readonly referenceId: string }) =>
    `#/components/schemas/${referenceId}`;
  const shapes: unknown = toJsonSchemaDefs(answers, { ...conversion, overrideRef });
  return shapes as JsonObject; // The same.
}

function refTo(name: keyof typeof answers): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

function requireWord(words: Readonly<Record<string, string>>, name: string): string {
  const said = words[name];
  if (said !== undefined) return said;
  throw new Error(`words.ts does not say what ${name} means.`);
}

/** A command line that shows the route. HOST and KEY are the reader's. */
export function curlOf({ method, path, who, example }: RouteNote): string {
  const address = `HOST${path}`;
  const credential = {
    anyone: "",
    api: `-H "X-API-KEY: $KEY" `,
    worker: `-H "X-API-KEY: $WORKER_TOKEN" `,
    attempt: `-H "Gridlike-Attempt-Token: $TOKEN" `,
  }[who];
  const plain = method === "POST" ? "-X POST ADDRESS" : "ADDRESS";
  return `curl ${credential}${(example ?? plain).replace("ADDRESS", address)}`;
}

const introduction =
  "Payloads are bytes: they are kept durably, given to a worker, and the result is kept. Everything lies under the server's path_base. Fields and routes are added, never changed: ignore what you do not know.";
