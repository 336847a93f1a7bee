import { expect, test } from "bun:test";
import { createPeers } from "../../../src/server/peers.ts";

const peers = createPeers((one) => ["127.0.0.1", "10.0.0.1"].includes(one));

function address(peer: string | null, forwarded?: string): string {
  const request = new Request("http://localhost/");
  if (forwarded !== undefined) request.headers.set("X-Forwarded-For", forwarded);
  return peers.address(request, { requestIP: () => (peer === null ? null : { address: peer }) });
}

test("address() believes nobody but a trusted proxy", () => {
  expect(address("6.6.6.6", "1.2.3.4")).toBe("6.6.6.6");
  expect(address("127.0.0.1", "1.2.3.4")).toBe("1.2.3.4");
  expect(address("::ffff:127.0.0.1", "1.2.3.4")).toBe("1.2.3.4");
});

test("address() takes the last stranger of the way, never what the client wrote itself", () => {
  expect(address("127.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.1")).toBe("1.2.3.4");
  expect(address("127.0.0.1", "9.9.9.9, fe80::7")).toBe("fe80::7");
});

test("address() falls back to the proxy when the header says nothing of use", () => {
  for (const forwarded of [undefined, "", "unknown", "<script>", "10.0.0.1"]) {
    expect(address("127.0.0.1", forwarded)).toBe("127.0.0.1");
  }
  expect(address(null)).toBe("");
});
