import { expect, test } from "bun:test";
import { createServesHost, toHostName } from "../../../src/server/hosts.ts";

test("toHostName() leaves the bare name of a host", () => {
  const names: readonly (readonly [string, string])[] = [
    ["Nas", "nas"],
    ["nas:7171", "nas"],
    ["nas.local.", "nas.local"],
    ["127.0.0.1:1", "127.0.0.1"],
    ["[::1]:7171", "::1"],
    ["[fe80::1]", "fe80::1"],
    ["::1", "::1"],
    ["::", "::"],
  ];
  for (const [host, name] of names) expect(toHostName(host)).toBe(name);
});

test("createServesHost() serves addresses beyond loopback only where it listens beyond loopback", () => {
  const serves = (bound: string, isOpen: boolean) =>
    createServesHost({ bound, names: ["closet"], isOpen });
  for (const bound of ["127.0.0.1", "localhost", "::1"]) {
    for (const isOpen of [true, false]) {
      expect(serves(bound, isOpen)("localhost")).toBeTrue();
      expect(serves(bound, isOpen)("closet:80")).toBeTrue();
      expect(serves(bound, isOpen)("10.0.0.1")).toBeFalse();
      expect(serves(bound, isOpen)("evil.example")).toBeFalse();
    }
  }
  for (const bound of ["0.0.0.0", "::", "10.0.0.1", "nas.lan"]) {
    expect(serves(bound, true)("10.0.0.1:7171")).toBeTrue();
    expect(serves(bound, true)("[fe80::1]")).toBeTrue();
    expect(serves(bound, true)("evil.example")).toBeFalse();
    expect(serves(bound, false)("anything.example")).toBeTrue();
  }
});

test("createServesHost() remembers the last header only when it was right", () => {
  const serves = createServesHost({ bound: "127.0.0.1", names: [], isOpen: false });
  for (let i = 0; i < 3; i += 1) {
    expect(serves("localhost")).toBeTrue();
    expect(serves("evil.example")).toBeFalse();
    expect(() => serves("localhost, evil.example")).toThrow("one host name");
    expect(() => serves(null)).toThrow("no Host header");
  }
});
