// Runs Bun with the given arguments on a machine that has node and npm (or only Bun): finds the wanted
// version or installs it into .tools, installs the locked packages, then hands over.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const wanted = "1.4.5";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tools = join(root, ".tools");
const windows = process.platform === "win32";

const versionOf = (bun) => {
  const run = spawnSync(bun, ["--version"], { encoding: "utf8" });
  return run.status === 0 ? run.stdout.trim() : null;
};

// npm may be told not to run install scripts; then Bun's own package is a placeholder and the platform
// package holds the executable. With scripts it is the other way round, so both places are tried.
const installed = () => {
  const cpu = process.arch === "arm64" ? "aarch64" : "x64";
  const os = windows ? "windows" : process.platform;
  const exe = windows ? "bun.exe" : "bun";
  const places = ["", "-baseline"].map((kind) =>
    join(tools, `node_modules/@oven/bun-${os}-${cpu}${kind}/bin/${exe}`),
  );
  places.push(join(tools, "node_modules/bun/bin/bun.exe"));
  return places.find((bun) => existsSync(bun) && versionOf(bun) === wanted) ?? null;
};

const findBun = () => {
  if (process.versions.bun === wanted) return process.execPath;
  if (versionOf("bun") === wanted) return "bun";
  return installed();
};

let bun = findBun();
if (bun === null) {
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, "package.json"), "{}");
  const options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
  console.error(`Installing Bun ${wanted} into .tools …`);
  spawnSync("npm", ["install", "--prefix", tools, ...options, `bun@${wanted}`], {
    stdio: ["ignore", "ignore", "inherit"],
    shell: windows,
  });
  bun = installed();
}
if (bun === null) {
  console.error(`Bun ${wanted} could not be installed: npm found no package for this platform.`);
  process.exit(1);
}

// The lock file is the fingerprint of what is installed: an unchanged one needs no second install.
const stamp = join(root, "node_modules/.installed");
const lock = readFileSync(join(root, "bun.lock"), "utf8");
const current =
  existsSync(stamp) && statSync(stamp).isFile() && readFileSync(stamp, "utf8") === lock;
if (!current) {
  const run = spawnSync(bun, ["install", "--frozen-lockfile"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (run.status !== 0) process.exit(run.status ?? 1);
  writeFileSync(stamp, lock);
}

const child = spawn(bun, process.argv.slice(2), { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
