import { expect, test } from "bun:test";
import { configOf, problemsOf, readingOf } from "../../support/a-config.ts";

const portFlag = { flag: "--port", name: "server.port", text: "3" };

test("readConfig() makes a server for this machine alone of no file at all [GL-86]", () => {
  const config = configOf(null);
  expect(config.file).toBeNull();
  expect(config.server).toMatchObject({ host: "127.0.0.1", port: 7171, pathBase: "", tls: null });
  expect(config.server.dataDir).toBe("/srv/data");
  expect(config.database).toEqual({ type: "sqlite", durability: "power" });
  expect(config.storage).toMatchObject({ smallBlobBytesMax: 32_768, classicBytesMax: 67_108_864 });
  expect(config.jobs.batchSize).toBe(100);
  expect(config.auth.api).toEqual({ kind: "generated" });
});

test("readConfig() answers the same for an empty file, with its data beside the file", () => {
  const config = configOf("");
  expect(config.file).toBe("/etc/gl/gl.toml");
  expect(config.server.dataDir).toBe("/etc/gl/data");
});

test("readConfig() takes the flag before the environment before the file before the default", () => {
  const text = "[server]\nport = 1";
  const environment = { GRIDLIKE_SERVER_PORT: "2" };
  expect(configOf(text, { environment, flags: [portFlag] }).server.port).toBe(3);
  expect(configOf(text, { environment }).server.port).toBe(2);
  expect(configOf(text).server.port).toBe(1);
});

test("readConfig() takes paths of the file from its folder, others from where it was started", () => {
  const data = "[server]\ndata_dir = 'd'";
  expect(configOf(data).server.dataDir).toBe("/etc/gl/d");
  const environment = { GRIDLIKE_SERVER_DATA_DIR: "d" };
  expect(configOf(data, { environment }).server.dataDir).toBe("/srv/d");
  const flags = [{ flag: "--data-dir", name: "server.data_dir", text: "/abs" }];
  expect(configOf(data, { flags }).server.dataDir).toBe("/abs");
});

test("readConfig() makes whole numbers of bytes and milliseconds of sizes and seconds", () => {
  const config = configOf(`
    [storage]
    small_blob_bytes_max = 0
    classic_bytes_max = "1.5 MiB"
    [jobs]
    payload_bytes_max = "2 GB"
    resume_grace_s = 1.5
    timeout_s = 2`);
  expect(config.storage).toMatchObject({ smallBlobBytesMax: 0, classicBytesMax: 1_572_864 });
  expect(config.types[0]).toMatchObject({
    payloadBytesMax: 2_000_000_000,
    resumeGraceMs: 1_500,
    timeoutMs: 2_000,
  });
});

test("readConfig() reads path_base without the slash at its end [GL-83]", () => {
  expect(configOf("[server]\npath_base = '/grid/'").server.pathBase).toBe("/grid");
  expect(configOf("[server]\npath_base = '/a/b'").server.pathBase).toBe("/a/b");
  expect(configOf("[server]\npath_base = '/'").server.pathBase).toBe("");
  for (const bad of ["grid", "/a//b", "/../x", "/.", "/a b", "//"]) {
    expect(problemsOf(`[server]\npath_base = '${bad}'`)).toHaveLength(1);
  }
});

test("readConfig() accepts tables written inline and dotted, and a mark at the beginning", () => {
  const config = configOf("\uFEFFserver = { port = 1, name = 'x' }\njobs.batch_size = 5\n");
  expect(config.server).toMatchObject({ port: 1, name: "x" });
  expect(config.jobs.batchSize).toBe(5);
});

test("readConfig() answers with frozen data, all the way down", () => {
  const config = configOf("[types.a]\n[server]\nbehind_proxy = ['10.0.0.0/8']");
  const parts = [config, config.server, config.server.behindProxy, config.types, config.types[0]];
  for (const part of parts) expect(Object.isFrozen(part)).toBeTrue();
});

test("readConfig() refuses what is no TOML with its line and column", () => {
  expect(problemsOf("[server]\nport = \n")).toEqual([
    expect.stringMatching(/^3:1: This is not valid TOML: /),
  ]);
  expect(problemsOf("a = 1\na = 2")).toEqual([expect.stringMatching(/^2:1: .*multiple times/)]);
});

test("readConfig() names the file, the line and the column, and the problem's remedy", () => {
  const result = readingOf("[server]\n  port = 99999");
  expect(result).toEqual({
    kind: "refused",
    problems: [
      "/etc/gl/gl.toml:2:10: server.port is 99999; it must be a whole number from 0 to 65535.",
    ],
  });
});

test("readConfig() tells all problems at once, from top to bottom", () => {
  const problems = problemsOf(
    `
[server]
prot = 1
port = "x"
host = "0.0.0.0"
[types.a]
result_becomes = "b"
timeout_s = -1
[auth.worker]
token = "changeme"
[jobs]
batch_size = 0.5
[server.tls]
auto = false`,
    { environment: { GRIDLIKE_SERVER_CLASSIC: "maybe" }, flags: [{ ...portFlag, text: "y" }] },
  );
  const places = problems.map((problem) => problem.split(" ")[0]);
  const inFile = ["3:1:", "5:8:", "7:18:", "8:13:", "10:9:", "12:14:"];
  expect(places).toEqual([...inFile, "--port:", "GRIDLIKE_SERVER_CLASSIC:"]);
});

test("readConfig() refuses an unknown key with the nearest known one", () => {
  expect(problemsOf("[server]\nprot = 1")).toEqual([
    '2:1: There is no key "prot" in [server]. Did you mean "port"?',
  ]);
  expect(problemsOf("[sevrer]\nport = 1")).toEqual([
    '1:2: There is no key "sevrer" at the top of the file. Did you mean "server"?',
  ]);
  expect(problemsOf("[types.a]\nmax_atempts = 1")).toEqual([
    '2:1: There is no key "max_atempts" in [types.a]. Did you mean "max_attempts"?',
  ]);
});

test("readConfig() says where a key belongs that stands in the wrong table", () => {
  expect(problemsOf("port = 1")[0]).toContain("It belongs to [server].");
  expect(problemsOf("[jobs]\ndurability = 'power'")[0]).toContain("It belongs to [database].");
});

test("readConfig() refuses a table for a value and a value for a table", () => {
  expect(problemsOf("server = 1")[0]).toContain("write [server]");
  expect(problemsOf("types = 1")[0]).toContain("write [types.NAME]");
  expect(problemsOf("[server.port]")[0]).toContain('"server.port" takes a value');
  expect(problemsOf("[types.a.timeout_s]")[0]).toContain('"timeout_s" takes a value');
  expect(problemsOf("types.a = 1")[0]).toContain("write [types.a]");
  expect(problemsOf("[[server]]\nport = 1")[0]).toContain("write [server]");
});

test("readConfig() says honestly what a later version will serve", () => {
  expect(problemsOf("[database]\ntype = 'postgresql'")).toEqual([
    "2:8: database.type is 'postgresql', which is not served by this version. Use \"sqlite\".",
  ]);
  expect(problemsOf("[storage]\ntype = 's3'")[0]).toContain("not served by this version");
  expect(problemsOf("[auth.dashboard]\nuser = 'x'")).toEqual([
    expect.stringContaining('"auth.dashboard" is not served by this version'),
  ]);
});

test("readConfig() needs both files of TLS, and that they can be read", () => {
  const both = "[server]\nhost = '0.0.0.0'\n[server.tls]\ncert = 'c.pem'\nkey = 'k.pem'";
  const files = { "/etc/gl/c.pem": "c", "/etc/gl/k.pem": "k" };
  expect(configOf(both, { files }).server.tls).toEqual({
    kind: "files",
    certFile: "/etc/gl/c.pem",
    keyFile: "/etc/gl/k.pem",
  });
  expect(problemsOf(both)).toEqual([
    "4:8: server.tls.cert: the file /etc/gl/c.pem does not exist.",
    "5:7: server.tls.key: the file /etc/gl/k.pem does not exist.",
  ]);
  expect(problemsOf("[server.tls]\ncert = 'c.pem'")[0]).toContain("without server.tls.key");
});

test("readConfig() chooses the least loaded worker unless told to go by turn [BA-19]", () => {
  expect(configOf(null).placement).toBe("least-loaded");
  expect(configOf('[placement]\nstrategy = "round-robin"').placement).toBe("round-robin");
  expect(problemsOf('[placement]\nstrategy = "random"')[0]).toContain(
    '"least-loaded" or "round-robin"',
  );
});
