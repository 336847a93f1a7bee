// A cable that breaks: passes bytes on to a server, and cuts each of its first connections after so many bytes
// of the answer.

import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export type CuttingProxy = AsyncDisposable & {
  readonly port: number;
  readonly cutCount: () => number;
};

export async function openCuttingProxy(
  port: number,
  cut: { readonly afterBytes: number; readonly times: number },
): Promise<CuttingProxy> {
  let cutCount = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    let passed = 0;
    near.pipe(far);
    far.on("data", (chunk: Buffer) => {
      passed += chunk.length;
      if (cutCount >= cut.times || passed < cut.afterBytes) {
        if (!near.write(chunk)) {
          far.pause();
          near.once("drain", () => far.resume());
        }
        return;
      }
      cutCount += 1;
      near.end(chunk.subarray(0, chunk.length - (passed - cut.afterBytes)), () => near.destroy());
      far.destroy();
    });
    far.on("close", () => near.end());
    open.add(near);
    near.on("close", () => {
      open.delete(near);
      far.destroy();
    });
    for (const socket of [near, far]) socket.on("error", () => socket.destroy()); // It was cut.
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cutCount: () => cutCount,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy(); // Kept in stock by a client.
      }),
  };
}
