// A worker of the original protocol that answers each payload with its capitals, or fails as the payload says.

import { openWorker, type WsWorker } from "./ws-worker.ts";

/** `fail: WORDS` fails with these words; all else is done with what `work` makes of it. */
export async function openEchoWorker(
  api: string,
  type = "",
  work: (payload: string) => string = (payload) => payload.toUpperCase(),
  token?: string,
): Promise<WsWorker> {
  const worker = await openWorker(api, type, token);
  void serve(worker, work);
  return worker;
}

async function serve(worker: WsWorker, work: (payload: string) => string): Promise<void> {
  for (;;) {
    const payload = await worker.nextPayload().catch(() => null); // The socket is closed.
    if (payload === null) return;
    if (payload.startsWith("fail: ")) {
      worker.send(JSON.stringify({ code: 4, info: payload.slice(6), logs: null }));
    } else worker.send(new TextEncoder().encode(work(payload)));
  }
}
