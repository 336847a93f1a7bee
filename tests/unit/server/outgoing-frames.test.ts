import { expect, test } from "bun:test";
import { frameBytesMax, frameMessageCountMax } from "../../../src/domain/limits.ts";
import { decodeFrame } from "../../../src/protocol/frame.ts";
import { createOutgoingFrames } from "../../../src/server/outgoing-frames.ts";

const opsOf = (frames: readonly Uint8Array[]) =>
  frames.map((frame) => decodeFrame(frame).map(({ header }) => Number(header["n"])));

test("take() answers with all messages in order, in one frame while they fit", () => {
  const outgoing = createOutgoingFrames();
  expect(outgoing.take()).toEqual([]);
  outgoing.add({ op: "x", n: 1 }, new Uint8Array([1, 2, 3]));
  outgoing.add({ op: "x", n: 2 });
  const frames = outgoing.take();
  expect(opsOf(frames)).toEqual([[1, 2]]);
  expect(decodeFrame(frames[0]!)[0]?.body).toEqual(new Uint8Array([1, 2, 3]));
  expect(outgoing.take()).toEqual([]);
});

test("take() begins a frame at each of the two limits", () => {
  const outgoing = createOutgoingFrames();
  for (let n = 0; n < 2 * frameMessageCountMax + 1; n += 1) outgoing.add({ op: "x", n });
  expect(opsOf(outgoing.take()).map(({ length }) => length)).toEqual([
    frameMessageCountMax,
    frameMessageCountMax,
    1,
  ]);
  const body = new Uint8Array(64 * 1024);
  for (let n = 0; n < 7; n += 1) outgoing.add({ op: "x", n }, body);
  const frames = outgoing.take();
  expect(opsOf(frames)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(frameBytesMax);
});
