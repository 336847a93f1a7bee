import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { parsePin, pinOf } from "../../../src/platform/pin.ts";
import { makeSelfSigned } from "../../../src/platform/self-signed.ts";

const digits = "0123456789abcdef".repeat(4);

test("parsePin() takes sha256: and 64 hex digits, and writes them small", () => {
  expect(parsePin(`sha256:${digits}`)).toBe(`sha256:${digits}`);
  expect(parsePin(` SHA256:${digits.toUpperCase()}\n`)).toBe(`sha256:${digits}`);
});

test("parsePin() says what is wrong with a text that is no pin", () => {
  const problems: readonly (readonly [string, string])[] = [
    ["", 'does not begin with "sha256:"'],
    [digits, 'does not begin with "sha256:"'],
    [`sha1:${digits.slice(0, 40)}`, 'does not begin with "sha256:"'],
    [`sha256:${digits.slice(1)}`, "has 63 digits, not 64"],
    [`sha256:${digits}0`, "has 65 digits, not 64"],
    ["sha256:", "has 0 digits"],
    [`sha256:AB:${digits.slice(3)}`, "holds other characters than hex digits"],
    [`sha256:…`, "holds other characters"],
  ];
  for (const [text, problem] of problems) {
    expect(() => parsePin(text)).toThrow(problem);
    expect(() => parsePin(text)).toThrow("Copy it whole");
  }
});

test("pinOf() is the SHA-256 of the whole certificate, in PEM or DER", () => {
  const { cert } = makeSelfSigned("closet", ["localhost"]);
  const der = new Uint8Array(new X509Certificate(cert).raw);
  const digest = new Bun.CryptoHasher("sha256").update(der).digest("hex");
  expect(pinOf(cert)).toBe(`sha256:${digest}`);
  expect(pinOf(der)).toBe(pinOf(cert));
});
