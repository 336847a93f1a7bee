import { describe, expect, test } from "bun:test";
import { clientRetryCountMax, clientSilentMsMax } from "../../../src/client/limits.ts";
import { createFakeServer, networkError, problem, type Answerer } from "./fake-server.ts";
import { createFakeSockets, welcome } from "./fake-socket.ts";

const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};

/** A connection whose sockets and requests a test answers. Its first socket stands, unless it is not to. */
async function aConnection({
  answer = () => problem(400, "malformed"),
  token,
  isStanding = true,
}: { readonly answer?: Answerer; readonly token?: string; readonly isStanding?: boolean } = {}) {
  const { opened, openSocket: webSocket } = createFakeSockets();
  const options = { webSocket, ...(token !== undefined && { token }) };
  const { client, clock, seen, settle } = createFakeServer(answer, options);
  const connection = client.connect();
  const stand = (n: number) => {
    opened[n]!.open();
    opened[n]!.say(welcome);
  };
  if (isStanding) stand(0);
  await turns();
  return { connection, opened, clock, seen, settle, stand };
}

const about = { job: "id-1", key: "k", seq: 1 };
const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const done = { op: "settled", ...about, status: "done", attempt: 1, size: 0, sha256: emptySha256 };
const opsOf = (said: readonly { readonly op: string }[]) => said.map(({ op }) => op);

test("connect() offers the subprotocol and the token beside it, and puts nothing into the address", async () => {
  const { opened } = await aConnection({ token: "a/b+c?d~" });
  expect(opened[0]).toMatchObject({
    url: "ws://grid.test/base/api/client",
    protocols: ["gridlike.v2", "gridlike.token.YS9iK2M_ZH4"],
    headers: {},
  });
});

test("what is said in one turn leaves in one frame, and within the limits of the server", async () => {
  const { connection, opened } = await aConnection({ isStanding: false });
  const [socket] = opened;
  socket!.open();
  socket!.say({ ...welcome, submit_count_max: 2 });
  const all = ["a", "b", "c"].map((key) => connection.submit(key, { key }));
  await turns();
  expect(socket!.said()).toMatchObject([
    { op: "submit", id: 1, key: "a", body: "a" },
    { op: "submit", id: 2, key: "b", body: "b" },
  ]);
  socket!.say({ op: "submitted", re: 1, ...about });
  await turns();
  expect(socket!.said()).toMatchObject([{ op: "submit", id: 3, key: "c" }]);
  expect(await all[0]).toEqual({ key: "k", id: "id-1", seq: 1, isReplay: false });
});

describe("a submission", () => {
  test("that the server has no room for now is sent again later", async () => {
    const { connection, opened, clock } = await aConnection();
    const submitted = connection.submit("a", { key: "a" });
    await turns();
    const [first] = opened[0]!.said();
    opened[0]!.say({ op: "refused", re: first!["id"], code: "disk-low", detail: "Full." });
    await turns();
    expect(opened[0]!.said()).toEqual([]);
    clock.advance(clock.nextTimerMs()!);
    await turns();
    expect(opened[0]!.said()).toEqual([first!]);
    opened[0]!.say({ op: "submitted", re: first!["id"], ...about });
    expect((await submitted).id).toBe("id-1");
  });

  test("that is refused again and again fails with what the server said", async () => {
    const { connection, opened, clock } = await aConnection();
    const submitted = connection.submit("a", { key: "a" });
    const failure = submitted.catch((error: unknown) => error);
    for (let tries = 0; tries <= clientRetryCountMax; tries += 1) {
      await turns();
      for (const { id } of opened[0]!.said()) {
        opened[0]!.say({ op: "refused", re: id, code: "overloaded", detail: "Busy." });
      }
      clock.advance(20_000);
      // Else the link would be asked for signs of life.
      opened[0]!.say({ op: "beat" });
    }
    expect(await failure).toMatchObject({ code: "overloaded", detail: "Busy.", status: 503 });
  });

  test("that is refused with a code of a later version fails all the same", async () => {
    const { connection, opened } = await aConnection();
    const failure = connection.submit("a").catch((error: unknown) => error);
    await turns();
    opened[0]!.say({ op: "refused", re: 1, code: "moon-phase", detail: "Wait for the full moon." });
    expect(await failure).toMatchObject({ detail: "Wait for the full moon." });
  });

  test("that was dropped while it waited is never sent", async () => {
    const { connection, opened, stand } = await aConnection({ isStanding: false });
    const stop = new AbortController();
    const dropped = connection.submit("a", { key: "a", signal: stop.signal });
    void connection.submit("b", { key: "b" }).catch(() => {});
    stop.abort(new Error("enough"));
    expect(dropped).rejects.toThrow("enough");
    stand(0);
    await turns();
    expect(opened[0]!.said().map(({ key }) => key)).toEqual(["b"]);
  });
});

describe("a broken link", () => {
  test("is followed by another, on which only what is open is said again", async () => {
    const { connection, opened, clock, stand } = await aConnection();
    const first = connection.run("a", { key: "a" });
    const second = connection.submit("b", { key: "b" });
    await turns();
    opened[0]!.say({ op: "submitted", re: 1, ...about, key: "a" });
    opened[0]!.end(1006);
    clock.advance(clock.nextTimerMs()!);
    expect(opened).toHaveLength(2);
    stand(1);
    await turns();
    const said = opened[1]!.said();
    expect(said).toMatchObject([
      { op: "watch", jobs: ["id-1"], with_result: true, changes: false },
      { op: "submit", id: 2, key: "b", body: "b" },
    ]);
    opened[1]!.say({ op: "submitted", re: 2, ...about, job: "id-2", key: "b", seq: 2 });
    opened[1]!.say({ ...done, re: said[0]!["id"] });
    expect([(await second).id, await first]).toEqual([
      "id-2",
      { job: "a", ok: true, bytes: new Uint8Array(0) },
    ]);
  });

  test("without anything open is left alone until there is something", async () => {
    const { connection, opened, clock } = await aConnection();
    opened[0]!.end(1006);
    await turns();
    expect([opened.length, clock.timerCount()]).toEqual([1, 0]);
    void connection.submit("a").catch(() => {});
    expect(opened).toHaveLength(2);
  });

  test("is not followed by another before the server wants that", async () => {
    const { connection, opened, clock } = await aConnection();
    void connection.submit("a").catch(() => {});
    opened[0]!.say({ op: "bye", why: "restart", retry_after_ms: 9_000 });
    opened[0]!.end(1012);
    clock.advance(8_999);
    expect(opened).toHaveLength(1);
    clock.advance(500);
    expect(opened).toHaveLength(2);
  });

  test.each([
    [4400, "protocol-version"],
    [4401, "unauthenticated"],
    [4403, "forbidden"],
    [4426, "protocol-version"],
  ])("closed with %i is the end of what was under way: %s", async (code, word) => {
    const { connection, opened } = await aConnection();
    const failure = connection.run("a").catch((error: unknown) => error);
    opened[0]!.end(code, "because");
    expect(await failure).toMatchObject({ code: word });
    expect((await failure) as Error).toHaveProperty("message", expect.stringContaining("because"));
  });
});

describe("a silent link", () => {
  test("is asked for a sign of life, and given up when none comes", async () => {
    const { connection, opened, clock } = await aConnection();
    void connection.run("a").catch(() => {});
    await turns();
    opened[0]!.said();
    clock.advance(clientSilentMsMax / 2);
    await turns();
    expect(opsOf(opened[0]!.said())).toEqual(["beat"]);
    opened[0]!.say({ op: "beat" });
    clock.advance(clientSilentMsMax - 10_000);
    await turns();
    expect(opened[0]!.closedWith()).toBeNull();
    clock.advance(clientSilentMsMax);
    expect(opened[0]!.closedWith()).not.toBeNull();
    expect(opened).toHaveLength(2);
  });

  test("that never stands is given up as well", async () => {
    const { connection, opened, clock } = await aConnection({ isStanding: false });
    void connection.run("a").catch(() => {});
    clock.advance(30_000);
    await turns();
    clock.advance(1_000);
    expect(opened).toHaveLength(2);
  });
});

describe("a socket that cannot be opened", () => {
  test.each([
    [401, "unauthenticated"],
    [403, "forbidden"],
    [404, "no-such-route"],
    [421, "host-not-served"],
  ])("is explained by the same request without a socket: %i", async (status, code) => {
    const answer = () => problem(status, code);
    const { connection, opened, seen } = await aConnection({ answer, isStanding: false });
    const failure = connection.run("a").catch((error: unknown) => error);
    opened[0]!.end(1006);
    expect(await failure).toMatchObject({ code });
    expect(seen.map(({ url }) => url.pathname)).toEqual(["/base/api/client"]);
  });

  test("is tried again while there is no server, and then given up until the next call", async () => {
    const world = await aConnection({ answer: networkError, isStanding: false });
    const { connection, opened, clock } = world;
    const failure = connection.run("a").catch((error: unknown) => error);
    for (let n = 0; n <= clientRetryCountMax; n += 1) {
      opened[n]!.end(1006);
      await turns();
      clock.advance(20_000);
    }
    expect(await failure).toMatchObject({ code: "unreachable" });
    expect(opened).toHaveLength(clientRetryCountMax + 1);
    void connection.run("b").catch(() => {});
    expect(opened).toHaveLength(clientRetryCountMax + 2);
  });

  test("although the server answers is told as what it is", async () => {
    const { connection, opened, clock } = await aConnection({ isStanding: false });
    const failure = connection.run("a").catch((error: unknown) => error);
    for (let n = 0; n <= clientRetryCountMax; n += 1) {
      opened[n]!.end(1006);
      await turns();
      clock.advance(20_000);
    }
    expect(await failure).toMatchObject({ code: "unreachable" });
    expect(String(await failure)).toContain("proxy");
  });

  test("because the runtime refuses is no reason to try again", async () => {
    const webSocket = () => {
      throw new SyntaxError("no headers here");
    };
    const { client } = createFakeServer(() => "silence", { webSocket });
    const connection = client.connect();
    expect(connection.run("a")).rejects.toThrow("no headers here");
  });
});

describe("a server that says nonsense", () => {
  test.each([
    ["text", "hello"],
    ["half a frame", new Uint8Array([0, 0, 0, 9]).buffer],
  ])("is left: %s", async (_, data) => {
    const { connection, opened } = await aConnection();
    const failure = connection.run("a").catch((error: unknown) => error);
    opened[0]!.sayRaw(data);
    expect(opened[0]!.closedWith()).toBe(4400);
    expect(await failure).toMatchObject({ code: "protocol-version" });
  });

  test("of a kind that is not known yet is not minded", async () => {
    const { connection, opened } = await aConnection();
    const submitted = connection.submit("a", { key: "k" });
    await turns();
    opened[0]!.say({ op: "sing", re: 1 });
    opened[0]!.say({ op: "settled", re: 77, ...about, status: "done" });
    opened[0]!.say({ op: "submitted", re: 1, ...about, later: true });
    expect((await submitted).key).toBe("k");
  });

  test("without the subprotocol is none of ours", async () => {
    const { connection, opened } = await aConnection({ isStanding: false });
    void connection.run("a").catch(() => {});
    opened[0]!.open("chat");
    expect(opened[0]!.closedWith()).not.toBeNull();
  });

  test("about a result is found out", async () => {
    const { connection, opened } = await aConnection();
    const result = connection.run("a", { key: "k" });
    await turns();
    opened[0]!.say({ op: "submitted", re: 1, ...about });
    opened[0]!.say({ ...done, re: 1, size: 1 }, "x");
    expect(await result).toMatchObject({ ok: false, error: { code: "digest-mismatch" } });
  });
});

test("close() says what was said before it, and waits for the end of the socket", async () => {
  const { connection, opened } = await aConnection();
  const failure = connection.submit("a", { key: "a" }).catch((error: unknown) => error);
  const closing = connection.close();
  expect([opsOf(opened[0]!.said()), opened[0]!.closedWith()]).toEqual([["submit"], 1000]);
  opened[0]!.end(1000);
  await closing;
  expect(await failure).toMatchObject({ name: "AbortError" });
});

test("close() does not wait for a server that does not answer", async () => {
  const { connection, settle } = await aConnection();
  await settle(connection.close());
  const { connection: never, settle: settleNever } = await aConnection({ isStanding: false });
  await settleNever(never.close());
});
