import { expect, test } from "bun:test";
import { configOf, problemsOf } from "../../support/a-config.ts";

const open = "insecure_http = true\n[auth.worker]\ntype = 'none'";

test("readConfig() refuses plain HTTP on an address that other machines reach, with the remedy", () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.7", "8.8.8.8", "closet.lan"]) {
    expect(problemsOf(`[server]\nhost = "${host}"`)).toEqual([
      expect.stringMatching(/^2:8: .*without TLS.*\[server\.tls\].*insecure_http = true/),
    ]);
  }
});

test("readConfig() accepts plain HTTP on this machine, behind a proxy, or when it is said to be wanted", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) {
    expect(configOf(`[server]\nhost = "${host}"`).server.host).toBe(host);
  }
  expect(problemsOf("[server]\nhost = '0.0.0.0'\nbehind_proxy = ['172.16.0.0/12']")).toEqual([]);
  expect(problemsOf("[server]\nhost = '0.0.0.0'\ninsecure_http = true")).toEqual([]);
  const flags = [{ flag: "--insecure-http", name: "server.insecure_http", text: "true" }];
  expect(problemsOf("[server]\nhost = '0.0.0.0'", { flags })).toEqual([]);
});

test("readConfig() blames the flag when the flag opened the server", () => {
  const flags = [{ flag: "--host", name: "server.host", text: "0.0.0.0" }];
  expect(problemsOf(null, { flags })).toEqual([expect.stringMatching(/^--host: /)]);
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
