import { expect, test } from "bun:test";
import { machineAddresses, reachOf } from "../../../src/platform/addresses.ts";

test("reachOf() tells who reaches an address", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["127.0.0.1", "loopback"],
    ["127.255.0.1", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["localhost", "loopback"],
    ["10.0.0.1", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["169.254.1.1", "private"],
    ["fd12::1", "private"],
    ["fe80::1", "private"],
    ["172.32.0.1", "public"],
    ["100.128.0.1", "public"],
    ["8.8.8.8", "public"],
    ["::ffff:8.8.8.8", "public"],
    ["2001:db8::1", "public"],
    ["0.0.0.0", "every-interface"],
    ["::", "every-interface"],
    ["0:0:0:0:0:0:0:0", "every-interface"],
    ["closet", "name"],
    ["127.0.0.1.example.org", "name"],
    ["localhost.example.org", "name"],
  ];
  expect(cases.map(([host]) => [host, reachOf(host)])).toEqual(cases.map((pair) => [...pair]));
});

test("machineAddresses() answers with addresses, none of them loopback", () => {
  for (const address of machineAddresses()) {
    expect(["private", "public"]).toContain(reachOf(address));
  }
});
