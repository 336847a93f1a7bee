// The HTTP API as a client of the harness sees it: one question, one answer, and `null` for every answer that
// did not come. Written against the description; it shares no code with the product.

export type Answer = {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly headers: Headers;
};

export type WireJob = {
  readonly id: string;
  readonly seq: number;
  readonly key: string;
  readonly type: string;
  readonly status: "pending" | "running" | "done" | "failed" | "cancelled";
  readonly reason: string | null;
  readonly info: string | null;
  readonly attempts: number;
  readonly from_id: string | null;
  readonly payload: { readonly sha256: string; readonly size: number };
  readonly result: { readonly sha256: string; readonly size: number } | null;
};

export type Api = {
  /** Null: no whole answer came. Whether the server did what was asked is then unknown. */
  ask(method: string, path: string, body?: FormData | Uint8Array): Promise<Answer | null>;
};

/** Far above any answer under load: only a server that hangs is given up. */
const patienceMs = 60_000;

export function createApi(url: string, key: string): Api {
  return {
    async ask(method, path, body) {
      try {
        const response = await fetch(`${url}/api${path}`, {
          method,
          headers: { "X-API-KEY": key },
          signal: AbortSignal.timeout(patienceMs),
          ...(body !== undefined && { body }),
        });
        const bytes = new Uint8Array(await response.arrayBuffer());
        return { status: response.status, bytes, headers: response.headers };
      } catch {
        return null; // The connection broke: the one outcome that this client has no other word for.
      }
    },
  };
}

export function jobPath(key: string): string {
  return `/jobs/${encodeURIComponent(key)}`;
}

export function textOf({ bytes }: Answer): string {
  return new TextDecoder().decode(bytes);
}

/** Every job, oldest first, page by page. Null when the server stopped answering on the way. */
export async function listJobs({ ask }: Api): Promise<readonly WireJob[] | null> {
  const jobs: WireJob[] = [];
  for (let query: string | null = "?order=oldest&limit=1000"; query !== null;) {
    const answer: Answer | null = await ask("GET", `/jobs${query}`);
    if (answer?.status !== 200) return null;
    jobs.push(...(JSON.parse(textOf(answer)) as readonly WireJob[]));
    query = /<(\?[^>]*)>; rel="next"/.exec(answer.headers.get("link") ?? "")?.[1] ?? null;
  }
  return jobs;
}
