import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSelfSigned, readCertificateAndKey } from "../../../src/platform/self-signed.ts";

const hosts = ["localhost", "Closet.lan", "closet.lan", "127.0.0.1", "::1", "fe80::1%eth0"];

test("makeSelfSigned() makes a certificate that is signed by its own key, for ever, and for no other", () => {
  const { cert, key } = makeSelfSigned("closet", hosts);
  const certificate = new X509Certificate(cert);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.subject).toBe("CN=closet");
  expect(certificate.issuer).toBe("CN=closet");
  expect(certificate.ca).toBe(false);
  expect(certificate.validFrom).toBe("Jan  1 00:00:00 1970 GMT");
  expect(certificate.validTo).toBe("Dec 31 23:59:59 9999 GMT");
  expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect(readCertificateAndKey(cert + key)).toEqual({ cert, key });
});

test("makeSelfSigned() is valid for each name and address that it was given", () => {
  const certificate = new X509Certificate(makeSelfSigned("closet", hosts).cert);
  expect(certificate.checkHost("closet.lan")).toBe("closet.lan");
  expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(certificate.checkIP("::1")).toBe("::1");
  expect(certificate.checkIP("fe80::1")).toBe("fe80::1");
  expect(certificate.checkIP("127.0.0.2")).toBeUndefined();
  expect(certificate.subjectAltName?.match(/closet\.lan/g)).toHaveLength(1);
});

test("makeSelfSigned() writes every form of an IPv6 address as the same sixteen bytes", () => {
  const forms = ["2001:db8::1:0:0:1", "2001:DB8:0:0:1:0:0:1", "::ffff:10.0.0.1", "1::", "::"];
  for (const form of forms) {
    const certificate = new X509Certificate(makeSelfSigned("x", [form]).cert);
    expect(certificate.checkIP(form)).toBe(form);
  }
});

test("makeSelfSigned() leaves out what can be neither a host name nor an address, and takes a name in any letters", () => {
  const name = "Mein Schränkchen 柜";
  const { cert } = makeSelfSigned(name, ["localhost", name, "a..b", "-x", "*.lan", "x".repeat(64)]);
  const certificate = new X509Certificate(cert);
  expect(certificate.subjectAltName).toBe("DNS:localhost");
  expect(Buffer.from(certificate.raw).includes(Buffer.from(name))).toBe(true);
});

test("makeSelfSigned() stays small on a machine with a thousand addresses", () => {
  const many = Array.from({ length: 1000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`);
  const certificate = new X509Certificate(makeSelfSigned("x", ["localhost", ...many]).cert);
  expect(certificate.checkHost("localhost")).toBe("localhost");
  expect(certificate.raw.length).toBeLessThan(1_000);
});

test("makeSelfSigned() makes another key and another number each time", () => {
  const [one, other] = [1, 2].map(() => new X509Certificate(makeSelfSigned("x", ["a"]).cert));
  expect(one?.serialNumber).not.toBe(other?.serialNumber);
  expect(one?.fingerprint256).not.toBe(other?.fingerprint256);
});

test("readCertificateAndKey() takes a certificate with the key that belongs to it, and nothing less", () => {
  const [one, other] = [makeSelfSigned("x", ["a"]), makeSelfSigned("x", ["a"])];
  expect(readCertificateAndKey(one.key + one.cert)).toEqual(one);
  for (const text of ["", one.cert, one.key, one.cert + other.key, one.cert.slice(9) + one.key]) {
    expect(readCertificateAndKey(text)).toBeNull();
  }
  const damaged = one.cert.replace("\nMII", "\nMIA");
  expect(readCertificateAndKey(damaged + one.key)).toBeNull();
});

test.skipIf(Bun.which("openssl") === null)(
  "makeSelfSigned() is read and verified by another library as well",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "gridlike-cert-"));
    try {
      const path = join(folder, "cert.pem");
      writeFileSync(path, makeSelfSigned("closet", hosts).cert);
      const args = ["-x509_strict", "-purpose", "sslserver", "-verify_ip", "127.0.0.1"];
      const verified = await Bun.$`openssl verify ${args} -CAfile ${path} ${path}`.nothrow().text();
      expect(verified).toBe(`${path}: OK\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
