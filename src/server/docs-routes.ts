// The description of the API: for programs at /openapi.json, for people at /docs. Public, because it holds nothing
// of this server but its version.

import { Elysia } from "elysia";
import { allNotes } from "./openapi/all-notes.ts";
import { toDocument } from "./openapi/document.ts";
import { pageScript } from "./openapi/page-script.ts";
import { pageStyle } from "./openapi/page-style.ts";
import { toPage } from "./openapi/page.ts";
import { noParameters, readQuery } from "./query.ts";
import type { Hash } from "./submission.ts";

export type DocsDeps = { readonly version: string; readonly createHash: () => Hash };

export function docsRoutes({ version, createHash }: DocsDeps) {
  // Made at the first request: most servers are never asked.
  const document = once(() => toDocument(allNotes, version));
  const json = once(() => JSON.stringify(document()));
  const page = once(() => toPage(allNotes, document()));
  const policy = once(() => policyOf(createHash));

  return new Elysia()
    .get("/openapi.json", ({ request }) => {
      readQuery(request, noParameters);
      return new Response(json(), { headers: { "Content-Type": "application/json" } });
    })
    .get("/docs", ({ request }) => {
      readQuery(request, noParameters);
      return new Response(page(), {
        headers: {
          "Content-Type": "text/html; charset=utf-8",
          "Content-Security-Policy": policy(),
          "Referrer-Policy": "no-referrer",
          "Cross-Origin-Opener-Policy": "same-origin",
        },
      });
    });
}

/** The page's own script and style, requests to this server, and nothing else. */
function policyOf(createHash: () => Hash): string {
  const sourceOf = (text: string) => {
    const hash = createHash();
    hash.update(new TextEncoder().encode(text));
    return `'sha256-${Uint8Array.fromHex(hash.hex()).toBase64()}'`;
  };
  return [
    "default-src 'none'",
    `script-src ${sourceOf(pageScript)}`,
    `style-src ${sourceOf(pageStyle)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
