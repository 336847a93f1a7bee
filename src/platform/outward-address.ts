// The one address, of all that a machine has, by which others most likely reach it: the one from which it would
// itself set out. Only the system's table of routes is asked; nothing is sent.

import { createSocket } from "node:dgram";

import { machineAddresses, reachOf } from "./addresses.ts";

/** Null when the machine has no address towards others. */
export async function outwardAddress(): Promise<string | null> {
  return (await sourceOfDefaultRoute()) ?? bestOf(machineAddresses());
}

/** Where no route leads outwards: an IPv4 address of a private network before others, and none that needs a zone. */
export function bestOf(addresses: readonly string[]): string | null {
  const ranked = addresses
    .filter((address) => !/^(?:169\.254\.|fe[89ab])/i.test(address))
    .map((address) => ({ address, rank: rankOf(address) }))
    .toSorted((a, b) => a.rank - b.rank);
  return ranked[0]?.address ?? null;
}

function rankOf(address: string): number {
  const isLater = reachOf(address) === "private" ? 0 : 1;
  return address.includes(":") ? 2 + isLater : isLater;
}

/** "Connecting" a UDP socket chooses a source address and sends nothing. */
function sourceOfDefaultRoute(): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const socket = createSocket("udp4");
  const fail = () => resolve(null); // No route: said by an event, by the callback or by both.
  socket.once("error", fail);
  socket.connect(discardPort, someoneFarAway, (...problem: readonly unknown[]) => {
    if (problem[0] === undefined || problem[0] === null) resolve(socket.address().address);
    else fail();
  });
  return promise.finally(() => socket.close());
}

/** An address kept for documentation (RFC 5737), which nobody has. */
const someoneFarAway = "198.51.100.1";
const discardPort = 9;
