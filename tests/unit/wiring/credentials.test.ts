import { expect, test } from "bun:test";
import type { Credential } from "../../../src/config/config.ts";
import { createSystemRandom } from "../../../src/platform/random.ts";
import { makeToken, resolveCredentials } from "../../../src/wiring/credentials.ts";
import type { GeneratedCredentials } from "../../../src/wiring/credentials.ts";

const generated: Credential = { kind: "generated" };
const random = createSystemRandom();

/** A server's settings, and what its first run was told, kept from start to start. */
function aServer() {
  const stored = new Map<string, string>();
  const kept: GeneratedCredentials[] = [];
  let isKeeping = true;
  return {
    stored,
    kept,
    refuseToKeep: () => (isKeeping = false),
    start: (api: Credential = generated, worker: Credential = generated) =>
      resolveCredentials({
        auth: { api, worker },
        random,
        settings: {
          setting: async (name) => stored.get(name) ?? null,
          setSetting: async (name, value) => void stored.set(name, value),
        },
        firstRun: {
          keep: async (made) => {
            if (!isKeeping) throw new Error("no place");
            kept.push(made);
          },
        },
      }),
  };
}

test("makeToken() names its door and itself, and ends with a checksum", () => {
  const token = makeToken("w", random);
  expect(token).toMatch(/^glw_[0-9a-f]{8}_[A-Za-z0-9_-]{43}_[0-9a-z]{7}$/);
  const body = token.slice(0, -8);
  expect(token.slice(-7)).toBe(Bun.hash.crc32(body).toString(36).padStart(7, "0"));
  expect(makeToken("w", random)).not.toBe(token);
});

test("resolveCredentials() makes both secrets at the first start and tells them once", async () => {
  const server = aServer();
  const first = await server.start();
  const { apiKey, workerToken } = server.kept[0] ?? { apiKey: null, workerToken: null };
  expect(apiKey).toStartWith("gla_");
  expect(workerToken).toStartWith("glw_");
  expect(first.generated).toEqual({ apiKey, workerToken });
  const second = await server.start();
  expect(second.generated).toBeNull();
  expect(server.kept).toHaveLength(1);
  for (const credentials of [first, second]) {
    expect(credentials.verifyApi(apiKey ?? "")).toBeTrue();
    expect(credentials.verifyWorker(workerToken ?? "")).toBeTrue();
    expect(credentials.verifyApi(workerToken ?? "")).toBeFalse();
    expect(credentials.verifyWorker(apiKey ?? "")).toBeFalse();
    expect(credentials.verifyApi("")).toBeFalse();
  }
});

test("resolveCredentials() stores hashes only", async () => {
  const server = aServer();
  const { generated: made } = await server.start();
  const text = [...server.stored.values()].join("\n");
  expect(text).toMatch(/^[0-9a-f]{64}\n[0-9a-f]{64}$/);
  expect(text).not.toContain(made?.apiKey ?? "gla");
});

test("resolveCredentials() takes a configured secret before one that it made", async () => {
  const server = aServer();
  await server.start();
  const old = server.kept[0]?.apiKey ?? "";
  const configured = await server.start({ kind: "given", secret: "configured" });
  expect(configured.generated).toBeNull();
  expect(configured.verifyApi("configured")).toBeTrue();
  expect(configured.verifyApi(old)).toBeFalse();
  expect((await server.start()).verifyApi(old)).toBeTrue();
});

test("resolveCredentials() makes a secret only for the door that has none", async () => {
  const server = aServer();
  const { generated: made } = await server.start({ kind: "given", secret: "configured" });
  expect(made).toEqual({ apiKey: null, workerToken: expect.stringMatching(/^glw_/) });
});

test("resolveCredentials() lets everybody in where authentication is off [GL-77]", async () => {
  const credentials = await aServer().start({ kind: "none" });
  expect(credentials.verifyApi("")).toBeTrue();
  expect(credentials.verifyWorker("")).toBeFalse();
});

test("resolveCredentials() stores nothing when the secrets could not be kept for the user", async () => {
  const server = aServer();
  server.refuseToKeep();
  expect(server.start()).rejects.toThrow("no place");
  await server.start().catch(() => {});
  expect(server.stored.size).toBe(0);
});
