import { describe, expect, test } from "bun:test";
import {
  ClientError,
  createClient,
  JobFailed,
  type Connection,
  type WatchNews,
} from "../../src/client/index.ts";
import { openCuttingProxy } from "../support/cutting-proxy.ts";
import { openEchoWorker } from "../support/echo-worker.ts";
import { apiKey, openDoor, workerToken, type Door } from "../support/http-door.ts";
import { openRealServer, realApiKey, realWorkerToken } from "../support/real-server.ts";

function connect(door: Door, options: { readonly token?: string; readonly url?: string } = {}) {
  const { token = apiKey, url = door.api.replace(/\/api$/, "") } = options;
  const connection = createClient({ url, token }).connect();
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() });
}

const textOf = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

async function runText(connection: Connection, payload: string, options = {}): Promise<string> {
  const result = await connection.run(payload, options);
  if (!result.ok) throw result.error;
  return new TextDecoder().decode(result.bytes);
}

const wordsOf = (news: WatchNews): string =>
  news.kind === "watching"
    ? "watching"
    : news.kind === "refused"
      ? `${news.job} ${news.error.code}`
      : `${news.key} ${news.status}`;

describe("run()", () => {
  test("submits and gives the result, for many at a time", async () => {
    await using door = await openDoor();
    using _ = await openEchoWorker(door.api);
    await using connection = connect(door);
    const results = await Promise.all(
      Array.from({ length: 600 }, (__, n) => runText(connection, `job ${n}`)),
    );
    expect(results).toEqual(Array.from({ length: 600 }, (__, n) => `JOB ${n}`));
    expect((await door.kept()).jobs).toBe(600);
  });

  test("gives large payloads and large results the road by HTTP", async () => {
    await using door = await openDoor();
    using _ = await openEchoWorker(door.api, "", (payload) => payload.toUpperCase().repeat(2));
    await using connection = connect(door);
    const [large, grown, blob] = await Promise.all([
      runText(connection, "a".repeat(100_000)),
      runText(connection, "b".repeat(50_000)),
      connection.run(new Blob(["c"])),
    ]);
    expect([large, grown]).toEqual(["A".repeat(200_000), "B".repeat(100_000)]);
    expect(blob.ok && textOf(blob.bytes)).toBe("CC");
  });

  test("tells of a failed job, a cancelled one and a refused one as their result", async () => {
    await using door = await openDoor();
    await using connection = connect(door);
    const cancelled = connection.run("x", { key: "held", hold: true });
    await connection.submit("y", { key: "taken" });
    await door.call("/jobs/held/cancel", { method: "POST" });
    using _ = await openEchoWorker(door.api);
    const failed = await connection.run("fail: no luck", { key: "f", maxAttempts: 1 });
    const refused = await connection.run("z", { key: "taken" });
    expect([await cancelled, failed, refused]).toMatchObject([
      { job: "held", ok: false, error: { outcome: "cancelled" } },
      {
        job: "f",
        ok: false,
        error: { outcome: "failed", reason: "exhausted", jobInfo: "no luck" },
      },
      { job: "taken", ok: false, error: { code: "key-taken", status: 409 } },
    ]);
    expect(failed.ok || failed.error).toBeInstanceOf(JobFailed);
  });

  test("is ended by its signal, and the others go on", async () => {
    await using door = await openDoor();
    await using connection = connect(door);
    const stop = new AbortController();
    const first = connection.run("a", { key: "a", signal: stop.signal });
    await connection.submit("b", { key: "b" });
    stop.abort(new Error("enough"));
    expect(first).rejects.toThrow("enough");
    expect(connection.run("c", { signal: stop.signal })).rejects.toThrow("enough");
    using _ = await openEchoWorker(door.api);
    expect(await runText(connection, "d")).toBe("D");
  });

  test("refuses a key that cannot be one before anything is sent", async () => {
    await using door = await openDoor();
    await using connection = connect(door);
    const result = connection.run("a", { key: "17" });
    expect(result).rejects.toMatchObject({ code: "malformed" });
    expect(connection.submit("a", { key: "" })).rejects.toMatchObject({ code: "malformed" });
  });
});

describe("submit()", () => {
  test("answers as the request does, also the second time", async () => {
    await using door = await openDoor();
    await using connection = connect(door);
    const options = { key: "a", group: "g", labels: { n: 1 }, notBefore: "2030-01-01T00:00:00Z" };
    const submitted = await connection.submit("x", options);
    expect(submitted).toMatchObject({ key: "a", seq: 1, isReplay: false });
    expect(await connection.submit("x", options)).toEqual({ ...submitted, isReplay: true });
    const job = (await (await door.call("/jobs/a")).json()) as { readonly id: string };
    expect(job).toMatchObject({ id: submitted.id, group: "g", labels: { n: 1 } });
  });

  test("throws the refusal of a job", async () => {
    await using door = await openDoor();
    await using connection = connect(door);
    await connection.submit("x", { key: "a" });
    expect(connection.submit("y", { key: "a" })).rejects.toMatchObject({ code: "key-taken" });
    expect(connection.submit("y", { type: "none" })).rejects.toBeInstanceOf(ClientError);
  });
});

describe("watch()", () => {
  test("of jobs ends when all are settled or refused", async () => {
    await using door = await openDoor();
    await using connection = connect(door);
    await connection.submit("a", { key: "a" });
    await connection.submit("b", { key: "b" });
    const heard: string[] = [];
    const jobs = ["a", 2, "nobody"];
    let worker: Disposable | null = null;
    for await (const news of connection.watch({ jobs }, { withResult: true })) {
      heard.push(wordsOf(news));
      if (news.kind === "watching") worker = await openEchoWorker(door.api);
      if (news.kind === "settled") heard.push(String(textOf(news.bytes)));
    }
    worker?.[Symbol.dispose]();
    expect(heard).toEqual([
      "a pending",
      "b pending",
      "nobody no-such-job",
      "watching",
      "a running",
      "a done",
      "A",
      "b running",
      "b done",
      "B",
    ]);
  });

  test("of a group goes on until it is left", async () => {
    await using door = await openDoor();
    using _ = await openEchoWorker(door.api);
    await using connection = connect(door);
    await runText(connection, "a", { key: "a", group: "g" });
    const heard: string[] = [];
    for await (const news of connection.watch({ group: "g" }, { changes: false })) {
      heard.push(wordsOf(news));
      if (news.kind === "watching") await connection.submit("b", { key: "b", group: "g" });
      if (heard.at(-1) === "b done") break;
    }
    expect(heard).toEqual(["a done", "watching", "b done"]);
  });

  test("ends with the reason of its signal", async () => {
    await using door = await openDoor();
    await using connection = connect(door);
    const stop = new AbortController();
    const watch = connection.watch({ group: "g" }, { signal: stop.signal });
    expect((await watch.next()).value).toEqual({ kind: "watching" });
    const next = watch.next();
    stop.abort(new Error("enough"));
    expect(next).rejects.toThrow("enough");
  });
});

describe("a broken link", () => {
  test("costs nothing: what was not answered is sent again, what was kept is followed", async () => {
    await using door = await openDoor();
    using _ = await openEchoWorker(door.api);
    await using proxy = await openCuttingProxy(door.listener.port, {
      afterBytes: 40_000,
      times: 2,
    });
    await using connection = connect(door, { url: `http://127.0.0.1:${proxy.port}` });
    const results = await Promise.all(
      Array.from({ length: 300 }, (__, n) => runText(connection, `job ${n}`)),
    );
    expect(results).toEqual(Array.from({ length: 300 }, (__, n) => `JOB ${n}`));
    expect([proxy.cutCount(), (await door.kept()).jobs]).toEqual([2, 300]);
  });

  test("leaves no gap in a watch, and tells nothing twice", async () => {
    await using door = await openDoor();
    await using proxy = await openCuttingProxy(door.listener.port, { afterBytes: 4_000, times: 3 });
    await using connection = connect(door, { url: `http://127.0.0.1:${proxy.port}` });
    await using direct = connect(door);
    const keys = Array.from({ length: 40 }, (__, n) => `k${n}`);
    const heard: string[] = [];
    let isBegun = false;
    for await (const news of connection.watch({ group: "g" })) {
      if (news.kind === "watching" && !isBegun) {
        isBegun = true;
        for (const key of keys) {
          await direct.submit(key, { key, group: "g" });
          await door.call(`/jobs/${key}/cancel`, { method: "POST" });
        }
      }
      if (news.kind === "settled") heard.push(news.key);
      if (heard.length === keys.length) break;
    }
    expect(heard.toSorted()).toEqual(keys.toSorted());
    expect(proxy.cutCount()).toBe(3);
  });

  test("is survived together with a restart of the server", async () => {
    await using server = await openRealServer();
    const client = createClient({ url: server.api.replace(/\/api$/, ""), token: realApiKey });
    const connection = client.connect();
    try {
      const first = runText(connection, "first");
      await connection.submit("known", { key: "known" });
      await server.stop();
      const second = runText(connection, "second");
      await server.start();
      using _ = await openEchoWorker(server.api, "", undefined, realWorkerToken);
      expect(await Promise.all([first, second])).toEqual(["FIRST", "SECOND"]);
      const listed = (await (await server.call("/jobs")).json()) as readonly unknown[];
      expect(listed).toHaveLength(3);
    } finally {
      await connection.close();
    }
  });
});

describe("a connection that cannot be", () => {
  test.each([
    ["a wrong token", "wrong", "unauthenticated"],
    ["the worker token", workerToken, "unauthenticated"],
  ])("tells why: %s", async (_, token, code) => {
    await using door = await openDoor();
    await using connection = connect(door, { token });
    expect(connection.submit("a")).rejects.toMatchObject({ code });
    expect(connection.watch({ group: "g" }).next()).rejects.toMatchObject({ code });
    await connection.submit("a").catch(() => {});
    // A later call tries anew.
    expect(connection.run("a")).rejects.toMatchObject({ code });
  });

  test("tells that a server is older, or none of ours", async () => {
    const other = Bun.serve({ port: 0, fetch: () => new Response("no", { status: 404 }) });
    const connection = createClient({ url: other.url }).connect();
    expect(connection.submit("a")).rejects.toMatchObject({ code: "no-such-route" });
    await connection.submit("a").catch(() => {});
    await connection.close();
    await other.stop(true);
  });
});

test("close() fails what is under way, and everything after it", async () => {
  await using door = await openDoor();
  await using connection = connect(door);
  await connection.submit("a");
  const under = [connection.run("b"), connection.watch({ group: "g" }).next()];
  const outcomes = Promise.allSettled(under);
  await connection.close();
  const after = [connection.submit("c"), connection.run("d")];
  const all = [...(await outcomes), ...(await Promise.allSettled(after))];
  const reasons = all.map((one) => one.status === "rejected" && (one.reason as Error).name);
  expect(reasons).toEqual(Array.from({ length: 4 }, () => "AbortError"));
  expect(connection.watch({ group: "g" }).next()).rejects.toMatchObject({ name: "AbortError" });
});
