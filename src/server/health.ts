// Whether the server lives and takes jobs, for those who restart it or send it traffic. Public, without detail.

import { Elysia } from "elysia";

export function healthRoutes({ isTaking }: { readonly isTaking: () => boolean }) {
  return new Elysia()
    .get("/livez", () => answer("ok", 200))
    .get("/readyz", () => (isTaking() ? answer("ok", 200) : answer("not ready", 503)));
}

function answer(text: string, status: number): Response {
  return new Response(text, { status, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}
