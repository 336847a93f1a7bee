// How the process ends: tried on processes of their own.
import { expect, test } from "bun:test";
import { join } from "node:path";

const platform = join(import.meta.dir, "../../../src/platform");

/** Runs a program; `lines` waits for so many lines on its standard output. */
function running(source: string) {
  const run = Bun.spawn([process.execPath, "-e", source], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
  });
  const reader = run.stdout.getReader();
  let said = "";
  return {
    run,
    said: () => said,
    async until(word: string): Promise<void> {
      while (!said.includes(word)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`It ended without saying "${word}", but: ${said}`);
        said += new TextDecoder().decode(value);
      }
    },
  };
}

const waits = `
  import { onStopSignal } from ${JSON.stringify(join(platform, "signals.ts"))};
  onStopSignal((signal) => console.log("asked by", signal));
  setInterval(() => {}, 1000);
  console.log("ready");
`;

test("onStopSignal() calls at the first signal, and ends the process at the second", async () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    const { run, until } = running(waits);
    await until("ready");
    run.kill("SIGTERM");
    await until("asked by SIGTERM");
    expect(run.exitCode).toBeNull();
    run.kill(signal);
    expect(await run.exited).toBe(code);
  }
});

test("exitOnUncaught() logs what nobody caught and exits 70", async () => {
  for (const bug of ['Promise.reject(new Error("bug"))', 'throw new Error("bug")']) {
    const { run } = running(`
      import { createSystemClock } from ${JSON.stringify(join(platform, "clock.ts"))};
      import { createLog } from ${JSON.stringify(join(platform, "log.ts"))};
      import { exitOnUncaught } from ${JSON.stringify(join(platform, "last-resort.ts"))};
      exitOnUncaught(createLog(createSystemClock(), (line) => process.stderr.write(line)));
      setTimeout(() => { ${bug} }, 0);
      setInterval(() => {}, 1000);
    `);
    const stderr = await run.stderr.text();
    expect(await run.exited).toBe(70);
    expect(JSON.parse(stderr)).toMatchObject({
      level: "error",
      event: expect.stringMatching(/^process\.un/),
      error: expect.stringContaining("bug"),
    });
  }
});

test("exitAfterOutput() ends the process after what was written has left it", async () => {
  const { run } = running(`
    import { exitAfterOutput, writeStderr } from ${JSON.stringify(join(platform, "program.ts"))};
    setInterval(() => {}, 1000);
    writeStderr("x".repeat(1_000_000));
    exitAfterOutput(3);
  `);
  expect((await run.stderr.text()).length).toBe(1_000_000);
  expect(await run.exited).toBe(3);
});

test("exitAfterOutput() does not wait for a reader that takes nothing", async () => {
  const { run } = running(`
    import { exitAfterOutput, writeStderr } from ${JSON.stringify(join(platform, "program.ts"))};
    setInterval(() => {}, 1000);
    writeStderr("x".repeat(1_000_000));
    exitAfterOutput(3);
  `);
  expect(await run.exited).toBe(3);
});
