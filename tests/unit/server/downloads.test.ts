import { expect, test } from "bun:test";
import { createSilentLog } from "../../../src/platform/log.ts";
import { createDownloads } from "../../../src/server/downloads.ts";
import { createFloor } from "../../../src/server/floor.ts";
import { createPatience } from "../../../src/server/patience.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

test("a reader that goes while a piece is read for it is no failure", async () => {
  const errors: string[] = [];
  const log = { ...createSilentLog(), error: (event: string) => void errors.push(event) };
  const floor = createFloor(createVirtualClock(), { passed: () => {} });
  const downloads = createDownloads({ floor, patience: createPatience(10), log });
  const piece = Promise.withResolvers<void>();
  const source = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await piece.promise;
        controller.enqueue(new Uint8Array(1));
      },
    },
    { highWaterMark: 0 },
  );
  const reader = downloads.send(new Request("http://a/"), null, source).getReader();
  const read = reader.read();
  await new Promise(setImmediate); // It is being read.
  const gone = reader.cancel();
  piece.resolve();
  await Promise.allSettled([read, gone]);
  await new Promise(setImmediate);
  expect(errors).toEqual([]);
});
