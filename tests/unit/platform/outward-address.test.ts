import { expect, test } from "bun:test";
import { machineAddresses } from "../../../src/platform/addresses.ts";
import { bestOf, outwardAddress } from "../../../src/platform/outward-address.ts";

test("bestOf() prefers IPv4 to IPv6, private to public, and takes no address that needs a zone", () => {
  const all = ["fe80::1", "169.254.7.7", "2001:db8::7", "fd00::7", "203.0.113.7", "192.168.1.7"];
  const order: (string | null)[] = [];
  for (let left = all; left.length > 0; left = left.filter((one) => one !== order.at(-1))) {
    const best = bestOf(left);
    order.push(best);
    if (best === null) break;
  }
  expect(order).toEqual(["192.168.1.7", "203.0.113.7", "fd00::7", "2001:db8::7", null]);
});

test("outwardAddress() is one of this machine's, or null on a machine that has none", async () => {
  const found = await outwardAddress();
  if (found === null) expect(bestOf(machineAddresses())).toBeNull();
  else expect(machineAddresses()).toContain(found);
});
