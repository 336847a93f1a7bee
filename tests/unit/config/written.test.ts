import { expect, test } from "bun:test";
import { join } from "node:path";
import { knownKeys, typeKeys } from "../../../src/config/known-keys.ts";
import { exampleFile, referencePage } from "../../../src/config/written.ts";
import { configOf, problemsOf } from "../../support/a-config.ts";

const root = join(import.meta.dir, "../../..");
const uncommented = exampleFile().replaceAll(/^# (\[.*\]|[a-z_]+ = .*)$/gm, "$1");

test("exampleFile() is what is checked in as config.example.toml (if not: npm run docs)", async () => {
  expect(await Bun.file(join(root, "config.example.toml")).text()).toBe(exampleFile());
});

test("referencePage() is what is checked in as docs/config.md (if not: npm run docs)", async () => {
  expect(await Bun.file(join(root, "docs/config.md")).text()).toBe(referencePage());
});

test("exampleFile() changes nothing as it stands", () => {
  expect({ ...configOf(exampleFile()), file: null }).toEqual({ ...configOf(""), file: null });
});

test("exampleFile() has every key, and shows each as the file wants it", () => {
  const settings = uncommented.split("\n").filter((line) => /^[a-z_]+ = /.test(line));
  expect(settings).toHaveLength(knownKeys.size + typeKeys.size);
  // What is left are examples that exclude each other, or of things that must exist elsewhere: files, secrets, a type.
  expect(problemsOf(uncommented)).toEqual(
    [
      "server.tls.auto is true, and cert and key name",
      "the file /etc/gl/tls.crt does not exist",
      "the file /etc/gl/tls.key does not exist",
      "auth.worker.token is not usable",
      "the file /etc/gl/worker.token does not exist",
      "auth.api.key is not usable",
      "the file /etc/gl/api.key does not exist",
      'into type "collide"',
    ].map((part) => expect.stringContaining(part)),
  );
});

test("exampleFile() states the defaults that hold", () => {
  const withoutExamples = uncommented
    .replaceAll(/^(auto|cert|key|token|token_file|key_file) = .*$/gm, "")
    .replaceAll(/^(timeout_s = 3600|(done_s|failed_s|bytes_max) = .*)$/gm, "")
    .replace(/\[types\.sample\][\s\S]*/, "");
  expect(configOf(withoutExamples)).toEqual(configOf(""));
});

test("referencePage() names every key and its variable", () => {
  const page = referencePage();
  for (const key of [...knownKeys.values(), ...typeKeys.values()]) {
    expect(page).toContain(`| \`${key.key}\``);
    expect(page).toContain(key.description);
  }
});
