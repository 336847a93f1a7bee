import { expect, test } from "bun:test";
import { didYouMean, nearest } from "../../../src/domain/nearest.ts";

const keys = ["host", "port", "path_base", "data_dir", "insecure_http"];

test("nearest() finds a word with one letter wrong, missing, too many or swapped", () => {
  expect(nearest("pord", keys)).toBe("port");
  expect(nearest("pot", keys)).toBe("port");
  expect(nearest("portt", keys)).toBe("port");
  expect(nearest("prot", keys)).toBe("port");
  expect(nearest("insecrue_htpt", keys)).toBe("insecure_http");
});

test("nearest() takes case and the kind of dash for no difference", () => {
  expect(nearest("Data-Dir", keys)).toBe("data_dir");
});

test("nearest() answers null rather than something far-fetched", () => {
  expect(nearest("workers", keys)).toBeNull();
  expect(nearest("x", ["y"])).toBeNull();
  expect(nearest("", keys)).toBeNull();
  expect(nearest("port", [])).toBeNull();
});

test("nearest() prefers the nearer of two candidates, wherever it stands", () => {
  expect(nearest("porta", ["portal", "porter"])).toBe("portal");
  expect(nearest("porta", ["porter", "portal"])).toBe("portal");
});

test("didYouMean() is a remedy to append, or nothing", () => {
  expect(didYouMean("prot", keys)).toBe(' Did you mean "port"?');
  expect(didYouMean("zzz", keys)).toBe("");
});
