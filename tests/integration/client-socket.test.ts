import { describe, expect, test } from "bun:test";
import { clientSubmitCountMax } from "../../src/domain/limits-server.ts";
import { encodeMessage } from "../../src/protocol/frame.ts";
import { askUpgrade, openClientWire, type Said, type WireOptions } from "../support/client-wire.ts";
import { openEchoWorker } from "../support/echo-worker.ts";
import { aType, apiKey, openDoor, workerToken } from "../support/http-door.ts";
import { openRawClient } from "../support/raw-client.ts";
import { openWorker } from "../support/ws-worker.ts";

const withKey = { "X-API-KEY": apiKey, "Sec-WebSocket-Protocol": "gridlike.v2" };

describe("the upgrade", () => {
  test.each([
    ["no token", { "Sec-WebSocket-Protocol": "gridlike.v2" }, 401, "unauthenticated"],
    ["a wrong token", { ...withKey, "X-API-KEY": "wrong" }, 401, "unauthenticated"],
    ["the worker token", { ...withKey, "X-API-KEY": workerToken }, 401, "unauthenticated"],
    ["no subprotocol", { "X-API-KEY": apiKey }, 400, "protocol-version"],
    [
      "another subprotocol",
      { ...withKey, "Sec-WebSocket-Protocol": "gridlike.v3, chat" },
      400,
      "protocol-version",
    ],
    ["a page of another host", { ...withKey, Origin: "http://evil.test" }, 403, "forbidden"],
    ["another host name", { ...withKey, Host: "evil.test" }, 421, "host-not-served"],
    [
      "a wrong token as a subprotocol",
      { "Sec-WebSocket-Protocol": "gridlike.v2, gridlike.token.d3Jvbmc" },
      401,
      "unauthenticated",
    ],
    [
      "a subprotocol that is no token",
      { "Sec-WebSocket-Protocol": "gridlike.v2, gridlike.token.***" },
      401,
      "unauthenticated",
    ],
  ])("is refused with %s", async (_, headers, status, code) => {
    await using door = await openDoor({ isOpen: code === "host-not-served" });
    const answer = await askUpgrade(door.api, headers);
    expect([answer.status, await answer.json()]).toMatchObject([status, { code }]);
  });

  test("is refused with a token in the address", async () => {
    await using door = await openDoor();
    const answer = await fetch(`${door.api}/client?token=${apiKey}`);
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: "unknown-option" }]);
  });

  test("is refused to a page of another host where no token is asked for", async () => {
    await using door = await openDoor({ isOpen: true });
    const headers = { "Sec-WebSocket-Protocol": "gridlike.v2", Origin: "http://evil.test" };
    expect((await askUpgrade(door.api, headers)).status).toBe(403);
  });

  test("says to a plain request that it wants a WebSocket", async () => {
    await using door = await openDoor();
    const answer = await door.call("/client");
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: "malformed" }]);
  });

  test("takes the token in either header and as a subprotocol, which it does not echo", async () => {
    await using door = await openDoor();
    const asProtocol = `gridlike.token.${Buffer.from(apiKey).toString("base64url")}`;
    const ways: readonly WireOptions[] = [
      { headers: { Authorization: `Bearer ${apiKey}` } },
      { headers: {}, protocols: [asProtocol, "gridlike.v2"] },
      { headers: { Origin: door.api }, protocols: ["gridlike.v2", asProtocol] },
    ];
    for (const options of ways) {
      await using wire = await openClientWire(door.api, options);
      expect(wire.socket.protocol).toBe("gridlike.v2");
    }
  });
});

describe("submit", () => {
  test("is answered in order, and one that is refused does not spoil the others", async () => {
    await using door = await openDoor();
    await using wire = await openClientWire(door.api);
    wire.sayTogether([
      ["submit", { id: 1, key: "a" }, "one"],
      ["submit", { id: 2, key: "b", colour: "red" }, "two"],
      ["submit", { id: 3, key: "7" }, "three"],
      ["submit", { id: 4, key: "d", type: "sample" }, "four"],
      ["submit", { id: 5, key: "a" }, "another"],
      ["submit", { id: 6, key: "a" }, "one"],
      ["submit", { id: 7 }, ""],
    ]);
    await wire.next("submitted", 7);
    const answers = wire.unheard().map(({ header: { op, re, code, key, replay } }) => {
      return [op, re, code ?? key, ...(replay === true ? ["again"] : [])];
    });
    expect(answers).toEqual([
      ["submitted", 1, "a"],
      ["refused", 2, "unknown-option"],
      ["refused", 3, "malformed"],
      ["refused", 4, "no-such-type"],
      ["refused", 5, "key-taken"],
      ["submitted", 6, "a", "again"],
    ]);
    expect((await door.kept()).jobs).toBe(2);
  });

  test("names a type where the server has types", async () => {
    await using door = await openDoor({ types: [aType({ name: "sample" })] });
    await using wire = await openClientWire(door.api);
    wire.say("submit", { id: 1 });
    expect((await wire.next("refused", 1)).header["detail"]).toContain("sample");
    wire.say("submit", { id: 2, type: "sample", key: "a" });
    await wire.next("submitted", 2);
  });

  test("of a payload above the limit is refused, and says how else to send it", async () => {
    await using door = await openDoor();
    await using wire = await openClientWire(door.api);
    wire.say("submit", { id: 1, key: "a" }, "x".repeat(65_536));
    await wire.next("submitted", 1);
    wire.say("submit", { id: 2, key: "b" }, "x".repeat(65_537));
    const { header } = await wire.next("refused", 2);
    expect(header).toMatchObject({ code: "payload-too-large" });
    expect(header["detail"]).toContain("POST /api/jobs/submit");
  });

  test("of more than may be unanswered at once is answered to the last", async () => {
    await using door = await openDoor();
    await using wire = await openClientWire(door.api);
    const count = clientSubmitCountMax * 2 + 7;
    for (let id = 0; id < count;) {
      const some: Said[] = [];
      for (; some.length < 256 && id < count; id += 1) some.push(["submit", { id, key: `k${id}` }]);
      wire.sayTogether(some);
    }
    await wire.next("submitted", count - 1);
    const numbers = wire.unheard().map(({ header }) => header["re"]);
    expect(numbers).toEqual(Array.from({ length: count - 1 }, (_, id) => id));
    const frames = new Set(wire.unheard().map(({ frame }) => frame)).size;
    expect(frames).toBeLessThan(count / 16);
    expect((await door.kept()).jobs).toBe(count);
  });

  test("brings the result when it exists, in the message or by its address", async () => {
    await using door = await openDoor();
    using _ = await openEchoWorker(door.api, "", (payload) => payload.repeat(2).toUpperCase());
    await using wire = await openClientWire(door.api);
    wire.sayTogether([
      ["submit", { id: 1, key: "small", with_result: true, changes: false }, "ab"],
      ["submit", { id: 2, key: "blob", with_result: true, changes: false }, "c".repeat(30_000)],
      ["submit", { id: 3, key: "large", with_result: true, changes: false }, "d".repeat(40_000)],
      ["submit", { id: 4, key: "none", watch: true, changes: false }, "ef"],
      ["submit", { id: 5, key: "bad", with_result: true, max_attempts: 1 }, "fail: no luck"],
    ]);
    const small = await wire.next("settled", 1);
    expect([small.header["status"], small.text, "url" in small.header]).toEqual([
      "done",
      "ABAB",
      false,
    ]);
    expect((await wire.next("settled", 2)).text).toBe("C".repeat(60_000));
    const large = await wire.next("settled", 3);
    expect([large.header["size"], large.text]).toEqual([80_000, ""]);
    const url = new URL(large.header["url"] as string, `${door.api}/client`);
    const answer = await fetch(url, { headers: { "X-API-KEY": apiKey } });
    expect(await answer.text()).toBe("D".repeat(80_000));
    expect((await wire.next("settled", 4)).header).toMatchObject({ size: 4 });
    expect((await wire.next("settled", 5)).header).toMatchObject({
      status: "failed",
      reason: "exhausted",
      info: "no luck",
    });
    expect(
      wire.unheard().filter(({ header }) => header["op"] === "changed" && header["re"] !== 5),
    ).toEqual([]);
  });

  test("of a job that stands and is settled tells its end at once", async () => {
    await using door = await openDoor();
    using _ = await openEchoWorker(door.api);
    await using wire = await openClientWire(door.api);
    wire.say("submit", { id: 1, key: "a", with_result: true }, "x");
    await wire.next("settled", 1);
    wire.say("submit", { id: 2, key: "a", with_result: true }, "x");
    expect((await wire.next("submitted", 2)).header["replay"]).toBeTrue();
    expect((await wire.next("settled", 2)).text).toBe("X");
  });
});

describe("watch", () => {
  test("tells of jobs by key, id and number, of each what stands and then its end", async () => {
    await using door = await openDoor();
    const id = await door.submit("a");
    await door.submit("b");
    await door.submit("c");
    await using wire = await openClientWire(door.api);
    wire.say("watch", { id: 1, jobs: [id, "b", 3, "nobody"] });
    await wire.next("watching", 1);
    const told = wire.unheard().map(({ header }) => header["key"] ?? header["job"]);
    expect(told).toEqual(["a", "b", "c", "nobody"]);
    using _ = await openEchoWorker(door.api);
    for (const key of ["a", "b", "c"]) {
      expect((await wire.next("settled", 1)).header).toMatchObject({ key, status: "done" });
    }
  });

  test("of a group ends with unwatch", async () => {
    await using door = await openDoor();
    await using wire = await openClientWire(door.api);
    wire.say("watch", { id: 1, group: "g", changes: false });
    expect((await wire.next("watching", 1)).header["jobs"]).toBe(0);
    await door.submit("a", "a", "&group=g");
    await door.call("/jobs/a/cancel", { method: "POST" });
    expect((await wire.next("settled", 1)).header).toMatchObject({ key: "a", status: "cancelled" });
    wire.say("unwatch", { id: 1 });
    wire.say("beat", { id: 9 });
    await wire.next("beat", 9);
    await door.submit("b", "b", "&group=g");
    await door.call("/jobs/b/cancel", { method: "POST" });
    wire.say("beat", { id: 10 });
    await wire.next("beat", 10);
    expect(wire.unheard()).toEqual([]);
  });

  test("under a number that is in use is refused, and the first one goes on", async () => {
    await using door = await openDoor();
    await door.submit("a");
    await using wire = await openClientWire(door.api);
    wire.say("watch", { id: 1, jobs: ["a"] });
    await wire.next("watching", 1);
    wire.say("watch", { id: 1, group: "g" });
    expect((await wire.next("refused", 1)).header["code"]).toBe("malformed");
    await door.call("/jobs/a/cancel", { method: "POST" });
    await wire.next("settled", 1);
  });
});

describe("a message that cannot be read", () => {
  const watching = [["watch", { id: 1, group: "g" }]] as const;
  const whole = encodeMessage({ op: "beat" });
  test.each([
    ["a text frame", "hello"],
    ["an empty frame", new Uint8Array(0)],
    ["a frame that ends too early", whole.subarray(0, whole.length - 1)],
    ["trailing bytes", new Uint8Array([...whole, 1])],
    ["a header without op", new Uint8Array([0, 0, 0, 2, 0, 0, 0, 0, 0x7b, 0x7d])],
    ["an empty header", new Uint8Array(8)],
    ["a submission without a number", encodeMessage({ op: "submit", key: "a" })],
    ["a frame that is too large", new Uint8Array(300 * 1024)],
    ["too many messages", Uint8Array.from(Array.from({ length: 257 }, () => [...whole]).flat())],
  ])("ends the connection: %s", async (_, data) => {
    await using door = await openDoor();
    for (const before of [[], watching]) {
      await using wire = await openClientWire(door.api);
      wire.sayTogether([...before, ["beat", { id: 1 }]]);
      await wire.next("beat", 1);
      wire.sendRaw(data);
      expect((await wire.closed()).code).toBe(4400);
    }
  });

  test("is refused alone where its number can be read", async () => {
    await using door = await openDoor();
    await using wire = await openClientWire(door.api);
    wire.sayTogether([
      ["watch", { id: 1 }],
      ["submit", { id: 2, with_result: "yes" }],
      ["dance", { id: 3 }],
      ["dance", {}],
      ["beat", { id: 4 }],
    ]);
    await wire.next("beat", 4);
    expect(wire.unheard().map(({ header }) => [header["re"], header["code"]])).toEqual([
      [1, "malformed"],
      [2, "malformed"],
      [3, "unknown-op"],
      [undefined, "unknown-op"],
    ]);
  });
});

test("a server that stops says bye, and closes for a restart", async () => {
  const door = await openDoor();
  await using wire = await openClientWire(door.api);
  wire.say("watch", { id: 1, group: "g" });
  await wire.next("watching");
  await door[Symbol.asyncDispose]();
  expect((await wire.next("bye")).header).toMatchObject({ why: "restart" });
  expect((await wire.closed()).code).toBe(1012);
});

test("a server that begins to stop refuses submissions for a while, and goes on telling ends", async () => {
  await using door = await openDoor();
  const worker = await openWorker(door.api);
  using _ = worker;
  await using wire = await openClientWire(door.api);
  wire.say("submit", { id: 1, key: "a", with_result: true }, "x");
  await worker.nextPayload();
  await door.listener.drain();
  wire.say("submit", { id: 2, key: "b" }, "x");
  expect((await wire.next("refused", 2)).header["code"]).toBe("shutting-down");
  worker.send(new TextEncoder().encode("X"));
  expect((await wire.next("settled", 1)).text).toBe("X");
});

test("a client that does not read is let go, and the others are not disturbed", async () => {
  await using door = await openDoor();
  const slow = await openRawClient(door.listener.port);
  await using wire = await openClientWire(door.api);
  slow.say(Array.from({ length: 64 }, (_, id) => ({ op: "watch", id, group: "g" })));
  slow.say([{ op: "submit", id: 99, key: "seen", watch: true }]);
  wire.say("watch", { id: 1, group: "g", changes: false });
  await wire.next("watching", 1);
  slow.stopReading();
  using _ = await openEchoWorker(door.api);
  // Each end is told 64 times, with a sentence of 12 KB: some 48 MB, more than server and network hold.
  const words = "€".repeat(4_096);
  for (let n = 0; n < 60; n += 1) {
    wire.say("submit", { id: 100 + n, group: "g", max_attempts: 1 }, `fail: ${words}`);
  }
  for (let n = 0; n < 60; n += 1) await wire.next("settled", 1);
  expect(await slow.readToEnd()).toBe(4408);
  wire.say("beat", { id: 5 });
  await wire.next("beat", 5);
});

test("a client that sends and does not read is not heard until it does, and misses nothing", async () => {
  await using door = await openDoor();
  const slow = await openRawClient(door.listener.port);
  slow.stopReading();
  // Some 36 MB of answers: more than a client may leave unread.
  const count = 100_000;
  for (let id = 0; id < count; id += 250) {
    const part = Array.from({ length: 250 }, (_, index) => id + index);
    slow.say(part.map((one) => ({ op: "submit", id: one, colour: 1 })));
  }
  await using wire = await openClientWire(door.api);
  wire.say("beat", { id: 1 });
  await wire.next("beat", 1);
  await slow.readUntil(count + 1); // The welcome is one more.
  slow.end();
});
