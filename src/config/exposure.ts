// Who can reach the server, and what follows from it: beyond this machine a certificate of its own instead of
// secrets in the clear, and no open doors towards the whole internet.

import { unreachable } from "../domain/assert.ts";
import { networkProblem, reachOf } from "../platform/addresses.ts";
import type { GivenByName, Problem } from "./given.ts";
import type { Settings } from "./schema.ts";

/** `addresses`: what this machine is called by others, for a server that listens on all of them. */
export function exposureProblems(
  settings: Settings,
  given: GivenByName,
  addresses: readonly string[],
): readonly Problem[] {
  return [
    ...networkProblems(settings, given),
    ...plainHttpProblems(settings, given),
    ...openDoorProblems(settings, given, addresses),
  ];
}

function networkProblems(settings: Settings, given: GivenByName): readonly Problem[] {
  const origin = given.get("server.behind_proxy")?.origin ?? null;
  return settings.server.behind_proxy.flatMap((network) => {
    const problem = networkProblem(network);
    if (problem === null) return [];
    return [{ origin, sentence: `server.behind_proxy: "${network}" ${problem}.` }];
  });
}

function plainHttpProblems(settings: Settings, given: GivenByName): readonly Problem[] {
  const { auto } = settings["server.tls"];
  const { host } = settings.server;
  if (auto === true && hasTlsFiles(settings)) {
    const sentence =
      "server.tls.auto is true, and cert and key name a certificate of yours. Remove one of them.";
    return [{ origin: given.get("server.tls.auto")?.origin ?? null, sentence }];
  }
  if (auto !== false || !isInTheClear(settings)) return [];
  const sentence = `server.host is "${host}", which other machines reach, and without TLS tokens and payloads are readable on the way. Remove server.tls.auto = false, or set cert and key in [server.tls], or name your proxy's network in server.behind_proxy, or accept it with server.insecure_http = true (--insecure-http).`;
  return [{ origin: given.get("server.host")?.origin ?? null, sentence }];
}

/** Whether the server is to make itself a certificate: because it is told to, or as nothing else protects it. */
export function wantsOwnCertificate(settings: Settings): boolean {
  const { auto } = settings["server.tls"];
  return !hasTlsFiles(settings) && (auto ?? isInTheClear(settings));
}

/** Other machines reach it, and nobody said what is to protect the way. */
function isInTheClear(settings: Settings): boolean {
  const { host, insecure_http, behind_proxy } = settings.server;
  const isMeant = insecure_http || behind_proxy.length > 0 || hasTlsFiles(settings);
  return !isMeant && reachOf(host) !== "loopback";
}

function hasTlsFiles(settings: Settings): boolean {
  const { cert, key } = settings["server.tls"];
  return cert !== null || key !== null;
}

function openDoorProblems(
  settings: Settings,
  given: GivenByName,
  addresses: readonly string[],
): readonly Problem[] {
  const exposed = publicAddress(settings.server.host, addresses);
  if (exposed === null) return [];
  return (["auth.worker", "auth.api"] as const)
    .filter((section) => settings[section].type === "none")
    .map((section) => ({
      origin: given.get(`${section}.type`)?.origin ?? null,
      sentence: `${section}.type is "none" while server.host "${settings.server.host}" ${exposed}: anyone could come in. Use type = "simple", or listen on a private address.`,
    }));
}

/** In which way the whole internet may reach `host`, or null when it cannot. */
function publicAddress(host: string, addresses: readonly string[]): string | null {
  const reach = reachOf(host);
  switch (reach) {
    case "loopback":
    case "private":
      return null;
    case "public":
      return "is an address of the internet";
    case "name":
      return "is a name that may lead to an address of the internet";
    case "every-interface": {
      const found = addresses.find((address) => reachOf(address) === "public");
      return found === undefined ? null : `includes ${found}, an address of the internet`;
    }
    default:
      return unreachable(reach);
  }
}
