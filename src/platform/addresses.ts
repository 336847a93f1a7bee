// What an address says of who can reach it: this machine, a private network, or the whole internet.

import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** `name` is a host name, of which the text does not say where it leads. */
export type Reach = "loopback" | "private" | "public" | "every-interface" | "name";

const isLoopback = networksContain(["127.0.0.0/8", "::1/128"]);
const isClosed = networksContain([
  "10.0.0.0/8",
  "100.64.0.0/10", // Addresses behind a provider's translation, also those of overlay networks.
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
  "fe80::/10",
]);

/** Who reaches a server that listens on `host`. */
export function reachOf(host: string): Reach {
  if (host === "localhost") return "loopback";
  const family = isIP(host);
  if (family === 0) return "name";
  if (host === "0.0.0.0" || /^[0:]+$/.test(host)) return "every-interface";
  if (isLoopback(host)) return "loopback";
  return isClosed(host) ? "private" : "public";
}

/** Why `text` is no network in the notation 10.0.0.0/8, or null when it is one. A bare address is a network of one. */
export function networkProblem(text: string): string | null {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return "is no network such as 10.0.0.0/8";
  if (prefix === undefined) return null;
  const bitsMax = family === 4 ? 32 : 128;
  const isPrefix = /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= bitsMax;
  return isPrefix ? null : `has no prefix length from 0 to ${bitsMax}`;
}

/** A test for addresses that lie in one of the networks, each like 10.0.0.0/8 or one address. */
export function networksContain(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    list.addSubnet(address, Number(prefix ?? (family === "ipv4" ? 32 : 128)), family);
  }
  return (address) => {
    // An IPv4 peer of a socket that listens on both families shows as ::ffff:10.0.0.1.
    const bare = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
    const family = isIP(bare);
    return family !== 0 && list.check(bare, family === 4 ? "ipv4" : "ipv6");
  };
}

/** The addresses that this machine has towards others. */
export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => !entry.internal)
    .map((entry) => entry.address);
}
