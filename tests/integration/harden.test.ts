// What a program of the same user can see of a worker. Tried as a user who is not root, whom nothing keeps out.
import { expect, test } from "bun:test";
import { accessSync } from "node:fs";
import { join } from "node:path";

const source = join(import.meta.dir, "../../src/platform/harden.ts");
const isRoot = process.getuid?.() === 0;
const become = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

/** A process with a secret in its environment, and what a program that it starts can see of it. */
async function seen(prepare: string): Promise<string> {
  const script = `
    const { hardenProcess } = await import(${JSON.stringify(source)});
    ${prepare}
    const look = "cat /proc/$PPID/environ | tr '\\\\0' '\\\\n'; grep NoNewPrivs /proc/self/status; ulimit -c";
    const child = Bun.spawn(["sh", "-c", look], { env: { PATH: process.env.PATH }, stdout: "inherit", stderr: "ignore" });
    await child.exited;
  `;
  const run = Bun.spawn([...become, process.execPath, "-e", script], {
    env: { PATH: process.env["PATH"], SECRET: "of-the-worker" },
    stdout: "pipe",
    stderr: "inherit",
  });
  return new Response(run.stdout).text();
}

const canTry = process.platform === "linux" && (!isRoot || Bun.which("setpriv") !== null);

test.skipIf(!canTry)(
  "hardenProcess() keeps programs of the same user out of this process",
  async () => {
    accessSync(source);
    // The control: without it the secret is there to be read, or this test would show nothing.
    expect(await seen("")).toContain("of-the-worker");
    const after = await seen("if (!hardenProcess()) throw new Error('not hardened');");
    expect(after).not.toContain("of-the-worker");
    expect(after).toMatch(/^NoNewPrivs:\s1\n0\n$/);
  },
);
