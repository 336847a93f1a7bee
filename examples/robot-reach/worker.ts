// A worker for one job type over the classic protocol, in TypeScript: register, say ready, take a
// payload, answer with the result. Connects again with full jitter whenever the connection is lost.
//
// Usage: GRIDLIKE_WORKER_TOKEN=… bun worker.ts --url ws://HOST:PORT/api/worker/TYPE [--name NAME]

import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadScene, sceneFile } from "./scene.ts";
import { stages } from "./stages.ts";

type Work = (payload: Uint8Array) => Uint8Array<ArrayBuffer>;
type Who = { readonly name: string; readonly id: string; readonly token: string };

const codes = { register: 0, status: 1, statusRequest: 2, failed: 4 } as const;
const ready = 1;
const retryMsFirst = 500;
const retryMsMax = 60_000;

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      name: { type: "string", default: `typescript-${process.pid}` },
      scene: { type: "string", default: fileURLToPath(sceneFile) },
    },
  });
  const token = process.env["GRIDLIKE_WORKER_TOKEN"];
  if (values.url === undefined || !token) {
    console.error(
      "worker: give --url ws://HOST:PORT/api/worker/TYPE and set GRIDLIKE_WORKER_TOKEN.",
    );
    process.exit(2);
  }
  const type = new URL(values.url).pathname.split("/").at(-1)!;
  const stage = stages[type];
  if (stage === undefined) {
    console.error(`worker: "${type}" is no stage; it is one of ${Object.keys(stages).join(", ")}.`);
    process.exit(2);
  }
  const scene = loadScene(values.scene);
  const who = { name: values.name, id: `${hostname()}-${values.name}`, token };
  await runWorker(values.url, who, (payload) => stage(payload, scene));
}

/** Works until the process ends. */
async function runWorker(url: string, who: Who, work: Work): Promise<never> {
  for (let failures = 0; ; failures++) {
    const wasRegistered = await runSession(url, who, work);
    if (wasRegistered) failures = 0;
    const waitMsMax = Math.min(retryMsMax, retryMsFirst * 2 ** failures);
    await Bun.sleep(Math.random() * waitMsMax);
  }
}

/** One connection; resolves at its end and tells whether the server had taken us on. */
function runSession(url: string, who: Who, work: Work): Promise<boolean> {
  return new Promise((resolve) => {
    let isRegistered = false;
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const tell = (message: object) => socket.send(JSON.stringify(message));
    socket.addEventListener("open", () => tell({ code: codes.register, ...who }));
    socket.addEventListener("close", ({ code, reason }) => {
      process.stderr.write(`worker: the connection to ${url} ended (${code} ${reason})\n`);
      resolve(isRegistered);
    });
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data !== "string") {
        // The work is a few milliseconds long, so that nothing else need happen meanwhile.
        try {
          socket.send(work(new Uint8Array(data)));
        } catch (problem) {
          tell({ code: codes.failed, info: String(problem), logs: null });
        }
      } else if (JSON.parse(data).code === codes.statusRequest) {
        isRegistered = true;
        tell({ code: codes.status, status: ready });
      }
    });
  });
}
