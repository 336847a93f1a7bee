// One socket of the agent: silence, servers that take nothing, words gathered into frames.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { openLink, type Link, type LinkEnd } from "../../src/agent/conversation/link.ts";
import { linkQueuedBytesMax } from "../../src/domain/limits-worker.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { atEndOfTurn } from "../../src/platform/turn.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { openRawUpgrade } from "../support/raw-upgrade.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

function aLink(url: string, clock = createSystemClock()) {
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<LinkEnd>();
  let endCount = 0;
  let onMessage = () => {};
  const link: Link = openLink(
    { clock, atEndOfTurn },
    {
      url: `${url
        .replace("http", "ws")
        .replace(/\/$/, "")
        .replace(/\/api\/worker$/, "")}/api/worker`,
      headers: { "X-API-KEY": "t" },
      tls: null,
      onOpen: opened.resolve,
      onMessages: () => onMessage(),
      onMalformed: () => {},
      onEnd(end) {
        endCount += 1;
        ended.resolve(end);
      },
    },
  );
  const nextMessage = () => new Promise<void>((resolve) => (onMessage = resolve));
  return {
    link,
    opened: opened.promise,
    ended: ended.promise,
    endCount: () => endCount,
    nextMessage,
  };
}

const progress = { op: "progress", job: "a", attempt: 1 };

test("a link that hears nothing asks for a sign of life, and ends when none comes", async () => {
  await using server = await openRawUpgrade("gridlike.v2"); // It answers no pings.
  const clock = createVirtualClock();
  const { opened, ended } = aLink(server.url, clock);
  await opened;
  clock.advance(34_000);
  expect((await server.next()).opcode).toBe(9);
  clock.advance(6_000);
  expect(await ended).toEqual({ kind: "closed", code: 1006, reason: "nothing was heard" });
  expect(clock.timerCount()).toBe(0);
});

test("a link whose server answers pings stays", async () => {
  await using server = startScriptedServer();
  const clock = createVirtualClock();
  const { link, opened, ended, endCount, nextMessage } = aLink(server.url, clock);
  await opened;
  const line = await server.line();
  for (let round = 0; round < 10; round += 1) {
    clock.advance(15_000);
    // The answer to a ping comes before what the server says later.
    link.send(progress, new Uint8Array(0));
    await line.next("progress");
    const heard = nextMessage();
    line.send({ op: "anything" });
    await heard;
  }
  expect(endCount()).toBe(0);
  link.close(1000, "done");
  expect(await ended).toMatchObject({ kind: "closed", code: 1000 });
});

test("an upgrade that is not answered ends after a while", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const clock = createVirtualClock();
  const { ended, endCount } = aLink(`http://127.0.0.1:${silent.port}`, clock);
  clock.advance(30_000);
  expect(await ended).toEqual({ kind: "unreachable", status: null, why: "no answer" });
  silent.stop(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect([endCount(), clock.timerCount()]).toEqual([1, 0]);
});

test("what is said in one turn shares few frames, and arrives in order before a close", async () => {
  await using server = startScriptedServer();
  const { link, opened } = aLink(server.url);
  await opened;
  const line = await server.line();
  for (let n = 0; n < 1000; n += 1) link.send({ ...progress, percent: n / 10 }, new Uint8Array(0));
  link.send({ op: "bye", why: "x" }, new Uint8Array(0));
  link.close(1000, "done");
  for (let n = 0; n < 1000; n += 1) {
    expect((await line.next("progress")).said.percent).toBe(n / 10);
  }
  await line.next("bye");
  expect((await line.closed).code).toBe(1000);
});

/** Takes the upgrade, and not a byte more. */
function startDeafServer() {
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, head) {
        const [, key = ""] = /sec-websocket-key: (\S+)/i.exec(head.toString()) ?? [];
        const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\nSec-WebSocket-Protocol: gridlike.v2\r\n\r\n`,
        );
        socket.pause();
      },
    },
  });
}

test("a link to a server that takes nothing holds back, and ends before it holds too much", async () => {
  const server = startDeafServer();
  const { link, opened, ended } = aLink(`http://127.0.0.1:${server.port}`);
  await opened;
  const body = new Uint8Array(60_000);
  const roundCount = Math.ceil((linkQueuedBytesMax + 32 * 1024 * 1024) / body.length);
  let behindAt = 0;
  for (let n = 0; n < roundCount; n += 1) {
    link.send(progress, body);
    if (link.isBehind() && behindAt === 0) behindAt = (n + 1) * body.length;
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(behindAt).toBeGreaterThan(0);
  expect(behindAt).toBeLessThan(linkQueuedBytesMax);
  expect(await ended).toMatchObject({ code: 1006, reason: "the server takes nothing" });
  server.stop(true);
});
