import { expect, test } from "bun:test";
import {
  ownPayloadUrl,
  toPayloadPlace,
  toResultUrl,
  toServerAddress,
} from "../../../src/agent/transfer/address.ts";

test("toServerAddress() takes http and ws, with whatever a proxy puts before", () => {
  for (const [given, socketUrl, apiUrl] of [
    ["http://nas:7171", "ws://nas:7171/api/worker", "http://nas:7171/api/"],
    ["ws://nas:7171/", "ws://nas:7171/api/worker", "http://nas:7171/api/"],
    ["https://host/grid/", "wss://host/grid/api/worker", "https://host/grid/api/"],
    ["wss://host/grid", "wss://host/grid/api/worker", "https://host/grid/api/"],
    ["http://[::1]:80", "ws://[::1]/api/worker", "http://[::1]/api/"],
  ] as const) {
    expect(toServerAddress(given)).toEqual({ socketUrl, apiUrl });
  }
  for (const given of ["", "nas:7171", "ftp://nas", "http://user:word@nas"]) {
    expect(() => toServerAddress(given)).toThrow();
  }
});

test("toPayloadPlace() resolves against the address of the socket, and knows the server from others", () => {
  const apiUrl = "https://host/grid/api/";
  const own = "https://host/grid/api/work/a/1/payload";
  for (const [given, url, isOurs] of [
    ["work/a/1/payload", own, true],
    ["/grid/api/work/a/1/payload", own, true],
    [ownPayloadUrl("a", 1), own, true],
    ["https://store.example/x?signed=1", "https://store.example/x?signed=1", false],
    ["//store.example/x", "https://store.example/x", false],
    ["http://host/grid/api/work/a/1/payload", "http://host/grid/api/work/a/1/payload", false],
    ["https://host:444/x", "https://host:444/x", false],
  ] as const) {
    expect([given, toPayloadPlace(apiUrl, given)]).toEqual([given, { url, isOurs }]);
  }
  for (const given of ["file:///etc/passwd", "data:,x", "https://user:word@host/", "https://"]) {
    expect(() => toPayloadPlace(apiUrl, given)).toThrow("where no HTTP leads");
  }
  expect(toResultUrl(apiUrl, "a/b", 2)).toBe("https://host/grid/api/work/a%2Fb/2/result");
});
