// How many graphics cards for computing there are: NVIDIA's, by its driver. Others are not counted: a device that can
// draw says nothing of whether programs can compute on it.

import { existsSync, readdirSync } from "node:fs";

const driverTable = "/proc/driver/nvidia/gpus";

/** 0 when there are none, or when their driver does not answer in time. */
export async function countGraphicsCards(msMax: number): Promise<number> {
  try {
    if (existsSync(driverTable)) return readdirSync(driverTable).length;
    // Within WSL and on Windows only the driver's own program knows.
    const program = Bun.which("nvidia-smi");
    return program === null ? 0 : await askProgram(program, msMax);
  } catch {
    return 0; // A container may hide one, and have a broken copy of the other.
  }
}

async function askProgram(program: string, msMax: number): Promise<number> {
  const asked = Bun.spawn([program, "-L"], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const answer = new Response(asked.stdout).text();
  const timer = Promise.withResolvers<string>();
  const stop = setTimeout(() => {
    asked.kill("SIGKILL");
    asked.unref();
    timer.resolve(""); // A stuck driver does not even let go of a killed process.
  }, msMax);
  const text = await Promise.race([answer, timer.promise]);
  clearTimeout(stop);
  return text.split("\n").filter((line) => line.startsWith("GPU ")).length;
}
