import { expect, test } from "bun:test";
import { configOf, problemsOf } from "../../support/a-config.ts";

const token = "Zk3vQ8rT1xW6yB0nM5cJ9hL2";
const key = "gla_1f8c02b7_Qm9vN3xT7wRk2LdYp5sHc8jZb1uVg4eXa6oFi0tEyKA_0k3x9ab";

test("readConfig() reads the worker's token and the API's key [GL-74] [GL-75]", () => {
  const { auth } = configOf(`
    [auth.worker]
    token = "${token}"
    kick_after_ms = 1000
    [auth.api]
    key = "${key}"`);
  expect(auth).toEqual({
    worker: { kind: "given", secret: token },
    api: { kind: "given", secret: key },
    kickAfterMs: 1000,
  });
});

test("readConfig() reads a secret from its own file, without the line's end", () => {
  const files = { "/etc/gl/w.token": `${token}\r\n`, "/run/key": key };
  const text = "[auth.worker]\ntoken_file = 'w.token'\n[auth.api]\nkey_file = '/run/key'";
  const { auth } = configOf(text, { files });
  expect(auth.worker).toEqual({ kind: "given", secret: token });
  expect(auth.api).toEqual({ kind: "given", secret: key });
});

test("readConfig() refuses a secret's file that is missing, empty or weak", () => {
  const text = "[auth.worker]\ntoken_file = 'w'";
  expect(problemsOf(text)[0]).toContain("the file /etc/gl/w does not exist");
  expect(problemsOf(text, { files: { "/etc/gl/w": "\n" } })[0]).toContain("must hold one line");
  expect(problemsOf(text, { files: { "/etc/gl/w": "guest" } })[0]).toContain("too weak");
});

test("readConfig() turns authentication off for each door separately [GL-77]", () => {
  const { auth } = configOf("[auth.worker]\ntype = 'none'");
  expect(auth.worker).toEqual({ kind: "none" });
  expect(auth.api).toEqual({ kind: "generated" });
});

test("readConfig() refuses secrets that contradict one another", () => {
  const none = `[auth.worker]\ntype = 'none'\ntoken = '${token}'`;
  expect(problemsOf(none)).toEqual([expect.stringMatching(/^3:9: .*Remove one of them/)]);
  const two = `[auth.api]\nkey = '${key}'\nkey_file = 'k'`;
  expect(problemsOf(two)).toEqual([expect.stringMatching(/^3:12: .*both set/)]);
  const same = `[auth.worker]\ntoken = '${token}'\n[auth.api]\nkey = '${token}'`;
  expect(problemsOf(same)).toEqual([expect.stringMatching(/^2:9: .*are the same/)]);
});

test("readConfig() never repeats a secret in a problem", () => {
  for (const secret of ["changeme-zebra", "zebra", "zebra zebra", "z".repeat(600)]) {
    const problems = problemsOf(
      `[auth.worker]\ntoken = "${secret}"\n[auth.api]\nkey = "${secret}"`,
    );
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join("\n")).not.toContain("z".repeat(3));
    expect(problems.join("\n")).not.toContain("zebra");
  }
  const environment = { GRIDLIKE_AUTH_API_KEY: "zebra" };
  expect(problemsOf("", { environment }).join("\n")).not.toContain("zebra");
});
