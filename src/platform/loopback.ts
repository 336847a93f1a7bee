// HTTP within this machine: a small server on the loopback address, and a way to ask one. Apart from what travels
// between machines: proxies, redirects and names play no part here.

import { request } from "node:http";

export type LoopbackServer = {
  /** Without a slash at its end. */
  readonly url: string;
  stop(): Promise<void>;
};

/** Answers every request with `answer`, which must not reject. A body above `bodyBytesMax` never reaches it. */
export function serveLoopback(options: {
  readonly bodyBytesMax: number;
  readonly answer: (request: Request) => Promise<Response>;
}): LoopbackServer {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    idleTimeout: 10,
    maxRequestBodySize: options.bodyBytesMax,
    fetch: options.answer,
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

/** `problem` continues a sentence that begins with the address. */
export type LoopbackAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly text: string }
  | { readonly kind: "unreachable"; readonly problem: string };

export function postLoopback(options: {
  readonly url: URL;
  readonly json: string;
  readonly msMax: number;
}): Promise<LoopbackAnswer> {
  const { url, json, msMax } = options;
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve({ kind: "unreachable", problem: error.message });
    const asked = request(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(json) },
      timeout: msMax,
    });
    asked.on("error", fail);
    asked.on("timeout", () => asked.destroy(new Error(`did not answer within ${msMax} ms`)));
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        text += piece;
      });
      response.on("error", fail);
      response.on("end", () => resolve({ kind: "answer", status: response.statusCode ?? 0, text }));
    });
    asked.end(json);
  });
}
