// The agent against the server's side of every conversation in docs/protocol, and against every frame there.

import { expect, test } from "bun:test";
import { createServerPlayer } from "../support/play-server.ts";
import { anAgent, done, noisyFailure, runnerOf } from "../support/an-agent.ts";
import type { Line } from "../support/transcript-lines.ts";
import {
  frameOf,
  messagesOf,
  readFrameVectors,
  readTranscript,
  transcriptsForWorkers,
} from "../support/vectors.ts";

const token = "a token that only these tests know";

/** The program that the README there asks for. `finish` ends the job of this key. */
function program() {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const ended = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (map: typeof gates, key: string) => {
    const gate = map.get(key) ?? Promise.withResolvers<void>();
    map.set(key, gate);
    return gate;
  };
  const runner = runnerOf(async ({ key, payload }, report, stop) => {
    const text =
      payload.kind === "bytes"
        ? new TextDecoder().decode(payload.bytes)
        : await Bun.file(payload.path).text();
    if (text.startsWith("fail")) {
      report.log("stderr", new TextEncoder().encode("the mesh is open\n"));
      return text === "fail"
        ? noisyFailure
        : { ...noisyFailure, exitCode: 86, info: "It ended with 86.", retryable: false };
    }
    if (text.startsWith("wait")) {
      const stopped = new Promise<void>((resolve) =>
        stop.addEventListener("abort", () => resolve()),
      );
      await Promise.race([gateOf(gates, key).promise, stopped]);
      gateOf(ended, key).resolve();
      if (stop.aborted) return { kind: "stopped" };
    }
    return done(text.toUpperCase());
  });
  const finish = async (key: string) => {
    gateOf(gates, key).resolve();
    await gateOf(ended, key).promise;
  };
  return { runner, finish };
}

async function playAgent(
  lines: readonly Line[],
  given: { readonly token?: string; readonly sockets?: readonly number[] } = {},
) {
  await using server = createServerPlayer({ token });
  const { runner, finish } = program();
  await using agent = anAgent({
    url: server.url.replace(/\/api\/worker$/, ""),
    token: given.token ?? token,
    name: "lab-3",
    runner,
    slots: numberOf(lines, "hello", "slots"),
    window: numberOf(lines, "ready", "window"),
  });
  const act = async (line: { readonly event: string; readonly key?: string }) => {
    if (line.event === "stop") agent.drain();
    if (line.event === "finish") await finish(line.key ?? "");
  };
  await server.play(lines, act, given.sockets ?? [1]);
  return await agent.done;
}

/** The first number in this field of such a message; 1 if there is none. */
function numberOf(lines: readonly Line[], op: string, field: string): number {
  const said = lines.flatMap(messagesOf).find(({ header }) => header.op === op);
  return Number(said?.header[field] ?? 1);
}

const exitCodes: { readonly [name: string]: number } = {
  "malformed-server": 4,
  "missing-subprotocol": 4,
  "wrong-token": 4,
};

/** The runtime ends a connection without our subprotocol by itself, and without a close frame. */
function linesOf(name: string): readonly Line[] {
  const lines = readTranscript(name);
  return name === "missing-subprotocol" ? lines.slice(0, -1) : lines;
}

for (const name of transcriptsForWorkers()) {
  test(`the agent keeps to ${name}`, async () => {
    const end = await playAgent(linesOf(name), {
      ...(name === "wrong-token" && { token: "another one" }),
      ...(name === "cloned" && { sockets: [2] }),
    });
    expect(end).toMatchObject({ exitCode: exitCodes[name] ?? 0 });
  });
}

const sayBytes = (vector: Parameters<typeof frameOf>[0]): Line => ({
  from: "server",
  socket: 1,
  bytes_hex: frameOf(vector).toHex(),
});

test("the agent refuses every frame that is refused", async () => {
  const bad = readFrameVectors().filter((vector) => "close" in vector);
  expect(bad.length).toBeGreaterThan(10);
  const transcript = readTranscript("malformed-server");
  for (const vector of bad) {
    const lines = [...transcript.slice(0, -2), sayBytes(vector), transcript.at(-1)!];
    expect([vector.note, (await playAgent(lines)).exitCode]).toEqual([vector.note, 4]);
  }
});

test("the agent takes every frame that is good", async () => {
  const good = readFrameVectors().filter((vector) => "messages" in vector);
  const transcript = readTranscript("first-job");
  const lines = [...transcript.slice(0, 5), ...good.map(sayBytes), ...transcript.slice(5)];
  expect((await playAgent(lines)).exitCode).toBe(0);
});
