// The addresses of a server that has just started: one for programs of its own machine, one for those of others.
// What it listens on is often neither.

import type { ServerConfig } from "../config/config.ts";
import { reachOf } from "../platform/addresses.ts";
import { machineName } from "../platform/program.ts";

export type ServedUrls = {
  readonly local: string;
  /** Null when other machines cannot reach the server. */
  readonly outward: string | null;
};

/** `bound` is the address that it listens at; its port is the right one, its host may stand for many. */
export async function servedUrls(
  bound: string,
  { host, pathBase }: Pick<ServerConfig, "host" | "pathBase">,
): Promise<ServedUrls> {
  const { protocol, port } = new URL(bound);
  const urlAt = (name: string) => {
    const written = name.includes(":") ? `[${name}]` : name;
    return `${protocol}//${written}${port === "" ? "" : `:${port}`}${pathBase}/`;
  };
  const reach = reachOf(host);
  if (reach === "loopback") return { local: urlAt(host), outward: null };
  if (reach !== "every-interface") return { local: urlAt(host), outward: urlAt(host) };
  const { outwardAddress } = await import("../platform/outward-address.ts");
  const outward = (await outwardAddress()) ?? machineName();
  return { local: urlAt(host.includes(":") ? "::1" : "127.0.0.1"), outward: urlAt(outward) };
}
