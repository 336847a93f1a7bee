import { expect, test } from "bun:test";
import { servedUrls } from "../../../src/cli/served-urls.ts";
import { machineAddresses } from "../../../src/platform/addresses.ts";
import { machineName } from "../../../src/platform/program.ts";

const at = (bound: string, host: string, pathBase = "") => servedUrls(bound, { host, pathBase });

test("servedUrls() leads nobody from outside to a server for this machine alone", async () => {
  expect(await at("http://127.0.0.1:7171/", "127.0.0.1")).toEqual({
    local: "http://127.0.0.1:7171/",
    outward: null,
  });
  expect(await at("http://[::1]:7171/", "::1")).toMatchObject({ local: "http://[::1]:7171/" });
});

test("servedUrls() never answers with an address that stands for all of them", async () => {
  const everywhere = await at("https://0.0.0.0:7171/", "0.0.0.0", "/grid");
  expect(everywhere.local).toBe("https://127.0.0.1:7171/grid/");
  const [, host = ""] = /^https:\/\/\[?(.+?)\]?:7171\/grid\/$/.exec(everywhere.outward ?? "") ?? [];
  expect([...machineAddresses(), machineName()]).toContain(host);
  expect((await at("https://[::]:7171/", "::")).local).toBe("https://[::1]:7171/");
});

test("servedUrls() takes the address that was chosen for everybody", async () => {
  for (const host of ["192.168.1.7", "closet.lan"]) {
    const url = `https://${host}:7443/`;
    expect(await at(url, host)).toEqual({ local: url, outward: url });
  }
  expect((await at("https://[fd00::7]:7171/", "fd00::7")).outward).toBe("https://[fd00::7]:7171/");
});
