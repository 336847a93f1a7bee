// The few calls of the HTTP API that the demo needs. All may be repeated safely: a submission has a key,
// the others only read. So a server that is away is simply asked again.

import type { Cell } from "./formats.ts";
import { encodeCell } from "./formats.ts";
import type { Server } from "./processes.ts";

export type GridApi = ReturnType<typeof createGridApi>;

/** Longest one request waits for a result; then it asks again. */
const waitSeconds = 20;
const retryMs = 150;
/** A server that is away for longer is not coming back. */
const awayMsMax = 60_000;

export function createGridApi({ url, apiKey }: Server) {
  const headers = { "X-API-KEY": apiKey };
  const keyOf = ({ cell }: Cell) => `cell-${String(cell).padStart(6, "0")}`;
  return {
    async submit(cell: Cell): Promise<void> {
      const address = `${url}/api/jobs/submit/sample?key=${keyOf(cell)}`;
      const body = encodeCell(cell);
      const answer = await patiently(() => fetch(address, { method: "POST", headers, body }));
      if (!answer.ok) throw await refusal(answer);
      await answer.arrayBuffer();
    },

    /** What the last job of the cell's chain gave: waits until there is something. */
    async result(cell: Cell): Promise<Uint8Array> {
      const query = `end_of_chain=1&wait_s=${waitSeconds}`;
      const address = `${url}/api/jobs/${keyOf(cell)}/result?${query}`;
      for (;;) {
        const answer = await patiently(() => fetch(address, { headers }));
        if (answer.ok) return answer.bytes();
        if (answer.headers.get("Retry-After") === null) throw await refusal(answer);
        await answer.arrayBuffer();
      }
    },

    /** Finished jobs by worker name, counted from the jobs themselves, page by page. */
    async doneByWorker(): Promise<ReadonlyMap<string, number>> {
      const counts = new Map<string, number>();
      let page: string | null = "?status=done&limit=1000";
      while (page !== null) {
        const address: string = `${url}/api/jobs${page}`;
        const answer = await patiently(() => fetch(address, { headers }));
        if (!answer.ok) throw await refusal(answer);
        for (const { worker } of (await answer.json()) as { worker: { name: string } | null }[]) {
          const name = worker?.name ?? "nobody";
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        page = /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? null;
      }
      return counts;
    },
  };
}

/** Tries again while the server is away or asks for a moment. */
async function patiently(request: () => Promise<Response>): Promise<Response> {
  const startedAt = performance.now();
  for (;;) {
    const answer = await request().catch((problem: unknown) => problem as Error);
    const isAway = answer instanceof Error;
    if (!isAway && answer.status !== 503 && answer.status !== 429) return answer;
    if (performance.now() - startedAt > awayMsMax) {
      throw isAway ? answer : await refusal(answer);
    }
    await Bun.sleep(retryMs * (0.5 + Math.random()));
  }
}

async function refusal(answer: Response): Promise<Error> {
  return new Error(`The server answered ${answer.status}: ${await answer.text()}`);
}
