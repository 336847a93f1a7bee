import { expect, test } from "bun:test";
import { configOf, problemsOf } from "../../support/a-config.ts";

test("readConfig() reads every kind of setting from the environment", () => {
  const config = configOf(null, {
    environment: {
      GRIDLIKE_SERVER_NAME: "true",
      GRIDLIKE_SERVER_PORT: "0",
      GRIDLIKE_SERVER_CLASSIC: "false",
      GRIDLIKE_SERVER_BEHIND_PROXY: "10.0.0.0/8, 192.168.0.0/16",
      GRIDLIKE_STORAGE_SMALL_BLOB_BYTES_MAX: "64 KiB",
      GRIDLIKE_STORAGE_CLASSIC_BYTES_MAX: "1000",
      GRIDLIKE_JOBS_TIMEOUT_S: "1.5",
      PATH: "/bin",
    },
  });
  expect(config.server).toMatchObject({
    name: "true",
    port: 0,
    classic: false,
    behindProxy: ["10.0.0.0/8", "192.168.0.0/16"],
  });
  expect(config.storage).toMatchObject({ smallBlobBytesMax: 65_536, classicBytesMax: 1000 });
  expect(config.types[0]?.timeoutMs).toBe(1_500);
});

test("readConfig() names the variable whose value is wrong", () => {
  expect(problemsOf(null, { environment: { GRIDLIKE_SERVER_PORT: "many" } })).toEqual([
    'GRIDLIKE_SERVER_PORT: server.port is "many"; it must be a whole number from 0 to 65535.',
  ]);
});

test("readConfig() takes an empty variable for one that is not set", () => {
  const environment = { GRIDLIKE_SERVER_PORT: "", GRIDLIKE_UNHEARD_OF: "" };
  expect(configOf(null, { environment }).server.port).toBe(7171);
});

test("readConfig() refuses an unknown variable with the nearest known one", () => {
  const problemOf = (name: string) => problemsOf(null, { environment: { [name]: "1" } })[0];
  expect(problemOf("GRIDLIKE_SEVER_PORT")).toContain('"GRIDLIKE_SERVER_PORT"');
  expect(problemOf("GRIDLIKE_PORT")).toContain('"GRIDLIKE_SERVER_PORT"');
  expect(problemOf("GRIDLIKE_TYPES_A_TIMEOUT_S")).toContain("in the configuration file only");
  expect(problemOf("GRIDLIKE_AUTH_DASHBOARD_USER")).toContain("not served by this version");
});

test("readConfig() leaves alone what belongs to other programs", () => {
  const environment = {
    GRIDLIKE_URL: "http://closet:7171",
    GRIDLIKE_TOKEN_FILE: "/run/token",
    GRIDLIKE_JOB: "7",
    GRIDLIKE_SERVICE_HOST: "10.0.0.1",
    GRIDLIKE_SERVER_PORT: "tcp://10.0.0.1:7171",
    GRIDLIKE_SERVER_PORT_7171_TCP_ADDR: "10.0.0.1",
    GRIDLIKE_SERVICE_PORT_HTTP: "7171",
  };
  expect(configOf(null, { environment }).server.port).toBe(7171);
});
