import { expect, test } from "bun:test";
import { configOf, problemsOf } from "../../support/a-config.ts";

const open = "insecure_http = true\n[auth.worker]\ntype = 'none'";

const reachable = ["0.0.0.0", "::", "192.168.1.7", "8.8.8.8", "closet.lan"];
const tlsOf = (text: string) => configOf(text).server.tls;

test("readConfig() gives a server that other machines reach a certificate of its own", () => {
  for (const host of reachable) {
    expect(tlsOf(`[server]\nhost = "${host}"`)).toEqual({ kind: "own" });
  }
  const flags = [{ flag: "--host", name: "server.host", text: "0.0.0.0" }];
  expect(configOf(null, { flags }).server.tls).toEqual({ kind: "own" });
});

test("readConfig() leaves plain HTTP on this machine, behind a proxy, or when it is said to be wanted", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) {
    expect(tlsOf(`[server]\nhost = "${host}"`)).toBeNull();
  }
  expect(tlsOf("[server]\nhost = '0.0.0.0'\nbehind_proxy = ['172.16.0.0/12']")).toBeNull();
  expect(tlsOf("[server]\nhost = '0.0.0.0'\ninsecure_http = true")).toBeNull();
  const flags = [{ flag: "--insecure-http", name: "server.insecure_http", text: "true" }];
  expect(configOf("[server]\nhost = '0.0.0.0'", { flags }).server.tls).toBeNull();
});

test("readConfig() makes a certificate wherever auto is true", () => {
  const auto = "[server.tls]\nauto = true";
  expect(tlsOf(auto)).toEqual({ kind: "own" });
  expect(tlsOf(`[server]\nhost = '0.0.0.0'\ninsecure_http = true\n${auto}`)).toEqual({
    kind: "own",
  });
  const environment = { GRIDLIKE_SERVER_TLS_AUTO: "true" };
  expect(configOf(null, { environment }).server.tls).toEqual({ kind: "own" });
  expect(problemsOf("[server.tls]\nauto = 'yes'")).toEqual([
    "2:8: server.tls.auto is 'yes'; it must be true or false.",
  ]);
});

test("readConfig() refuses secrets in the clear when no certificate is to be made, with the remedy", () => {
  for (const host of reachable) {
    expect(problemsOf(`[server]\nhost = "${host}"\n[server.tls]\nauto = false`)).toEqual([
      expect.stringMatching(/^2:8: .*without TLS.*auto = false.*insecure_http = true/),
    ]);
  }
  const flags = [{ flag: "--host", name: "server.host", text: "0.0.0.0" }];
  expect(problemsOf("[server.tls]\nauto = false", { flags })).toEqual([
    expect.stringMatching(/^--host: /),
  ]);
  expect(tlsOf("[server.tls]\nauto = false")).toBeNull();
});

test("readConfig() takes one certificate: made, or from files", () => {
  const files = { "/etc/gl/c.pem": "c", "/etc/gl/k.pem": "k" };
  const own = "cert = 'c.pem'\nkey = 'k.pem'";
  expect(problemsOf(`[server.tls]\nauto = true\n${own}`, { files })).toEqual([
    expect.stringMatching(/^2:8: server\.tls\.auto is true.*Remove one/),
  ]);
  const given = configOf(`[server]\nhost = '0.0.0.0'\n[server.tls]\nauto = false\n${own}`, {
    files,
  });
  expect(given.server.tls?.kind).toBe("files");
});

test("readConfig() refuses open doors where the whole internet may come in [GL-77]", () => {
  expect(problemsOf(`[server]\nhost = "8.8.8.8"\n${open}`)).toEqual([
    expect.stringMatching(/^5:8: auth\.worker\.type is "none".*address of the internet/),
  ]);
  expect(problemsOf(`[server]\nhost = "closet.example"\n${open}`)).toHaveLength(1);
  const addresses = ["192.168.1.7", "203.0.113.9"];
  expect(problemsOf(`[server]\nhost = "0.0.0.0"\n${open}`, { addresses })).toEqual([
    expect.stringContaining("includes 203.0.113.9"),
  ]);
});

test("readConfig() accepts open doors in a private network and on this machine [GL-77]", () => {
  expect(problemsOf("[auth.worker]\ntype = 'none'\n[auth.api]\ntype = 'none'")).toEqual([]);
  for (const host of ["0.0.0.0", "10.1.2.3", "fd00::7", "100.64.0.1"]) {
    expect(problemsOf(`[server]\nhost = "${host}"\n${open}`)).toEqual([]);
  }
});

test("readConfig() refuses a proxy's network that is none", () => {
  const problems = problemsOf(
    "[server]\nbehind_proxy = ['10.0.0.0/8', 'proxy', '::1/129', '10.0.0.1']",
  );
  expect(problems).toEqual([
    '2:16: server.behind_proxy: "proxy" is no network such as 10.0.0.0/8.',
    '2:16: server.behind_proxy: "::1/129" has no prefix length from 0 to 128.',
  ]);
});
