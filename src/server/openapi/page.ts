// The description of the API as a page to read: one HTML document made on the server, which needs its script only to
// try a route. It takes everything it shows from the notes, and nothing from another host.

import { problems } from "../../domain/errors.ts";
import type { OpenApiDocument } from "./document.ts";
import { curlOf } from "./document.ts";
import { pageScript } from "./page-script.ts";
import { pageStyle } from "./page-style.ts";
import { routeGroups, type AnswerNote, type RouteGroup, type RouteNote } from "./route-note.ts";
import { headerWords, pathWords, queryWords } from "./words.ts";

export function toPage(notes: readonly RouteNote[], document: OpenApiDocument): string {
  const groups = Object.keys(routeGroups) as RouteGroup[]; // The keys of a constant are its names.
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<title>GridLike API</title><style>${pageStyle}</style></head><body>`,
    `<header><h1>GridLike API</h1><p>Every route of this server. The same for programs: <a id="raw" href="openapi.json">openapi.json</a>.</p>`,
    `<p><label>API key or token, for trying routes; it stays in this page and is gone when you leave.<br><input id="key" type="password" autocomplete="off" spellcheck="false"></label></p></header><main>`,
    ...groups.map((group) => section(group, notes)),
    `<section><h2>Problems</h2><p>Errors are application/problem+json. The code says what to do.</p>${problemTable()}</section>`,
    `<section><h2>Shapes</h2>${shapes(document)}</section>`,
    `</main><script>${pageScript}</script></body></html>`,
  ].join("\n");
}

function section(group: RouteGroup, notes: readonly RouteNote[]): string {
  const own = notes.filter((note) => note.group === group);
  return `<section><h2>${escape(routeGroups[group])}</h2>${own.map(route).join("\n")}</section>`;
}

function route(note: RouteNote): string {
  const { method, path, does, more, body } = note;
  return [
    `<details><summary><b class="${method}">${method}</b> <code>${escape(path)}</code> <span>${escape(does)}</span></summary>`,
    more === undefined ? "" : `<p>${escape(more)}</p>`,
    `<p class="who">${escape(audiences[note.who])}</p>`,
    parameters(note),
    body === undefined
      ? ""
      : `<p><b>Body</b>${body.isRequired ? "" : " (may be left out)"}: ${escape(body.says)} <em>${escape(body.kinds.map(({ media }) => media).join(", "))}</em></p>`,
    `<table><tr><th>Answer</th><th></th></tr>${note.answers.map(answer).join("")}</table>`,
    note.problems.length === 0
      ? ""
      : `<p><b>Problems of its own</b>: ${note.problems.map((code) => `<code>${code}</code>`).join(" ")}</p>`,
    `<pre class="curl">${escape(curlOf(note))}</pre>`,
    isTriable(note) ? tryIt(note) : "",
    "</details>",
  ].join("");
}

const audiences = {
  anyone: "Open to anyone.",
  api: "Needs the API key.",
  worker: "Needs the worker token.",
  attempt: "Needs the token that came with the claim.",
} as const;

/** Its connection is not a page's to speak on, or its answer has no body to show. */
function isTriable({ method, answers }: RouteNote): boolean {
  return method !== "HEAD" && !answers.some(({ status }) => status === 101);
}

type Place = "path" | "query" | "header";

function placesOf({ path, query, headers = [] }: RouteNote): readonly (readonly [Place, string])[] {
  return [
    ...Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => ["path", name] as const),
    ...Object.keys(query?.entries ?? {}).map((name) => ["query", name] as const),
    ...headers.map((name) => ["header", name] as const),
  ];
}

const words = { path: pathWords, query: queryWords, header: headerWords } as const;

function parameters(note: RouteNote): string {
  const rows = placesOf(note).map(
    ([place, name]) =>
      `<tr><td><code>${escape(name)}</code></td><td>${place}</td><td>${escape(words[place][name] ?? "")}</td></tr>`,
  );
  const head = "<tr><th>Parameter</th><th>in</th><th></th></tr>";
  return rows.length === 0 ? "" : `<table>${head}${rows.join("")}</table>`;
}

function answer({ status, says, body, headers = [] }: AnswerNote): string {
  const media = body === undefined ? "" : ` <em>${escape(body.media)}</em>`;
  const names = headers.map((name) => ` <code>${escape(name)}</code>`).join("");
  return `<tr><td>${status}</td><td>${escape(says)}${media}${names}</td></tr>`;
}

function tryIt(note: RouteNote): string {
  const fields = placesOf(note).map(
    ([place, name]) =>
      `<label>${escape(name)} <input data-in="${place}" name="${escape(name)}" autocomplete="off"></label>`,
  );
  const media = note.body?.kinds[0]?.media ?? "";
  const body =
    note.body === undefined
      ? ""
      : `<label>Body <textarea data-media="${escape(media)}" rows="4"></textarea></label><label>or a file <input type="file"></label>`;
  return `<form class="try" data-method="${note.method}" data-path="${escape(note.path)}" data-who="${note.who}">${fields.join("")}${body}<button>Send</button> <button type="button" class="stop">Stop</button><pre></pre></form>`;
}

function problemTable(): string {
  const rows = Object.entries(problems).map(
    ([code, { status, title }]) =>
      `<tr><td>${status}</td><td><code>${code}</code></td><td>${escape(title)}</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}

function shapes({ components }: OpenApiDocument): string {
  return Object.entries(components.schemas)
    .map(
      ([name, schema]) =>
        `<details><summary><code>${escape(name)}</code></summary><pre>${escape(JSON.stringify(schema, null, 2))}</pre></details>`,
    )
    .join("");
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
