// A real nginx before servers of these tests: on a free port, with a folder of its own, gone when a test ends. It is
// configured as docs/operating.md says, and asks for a name and a password beside the server's own key.

import { mkdtemp, readdir, rm, writeFile, mkdir } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const proxyUser = "Basic " + btoa("ada:lovelace");

/** The path of the program, or null where it is not installed: Debian keeps it where users do not look. */
export const nginxProgram =
  Bun.which("nginx") ?? Bun.which("nginx", { PATH: "/usr/sbin:/usr/local/sbin" });

export type Nginx = AsyncDisposable & {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Files in which it keeps bodies that it did not pass on at once. */
  bufferedBodies(): Promise<readonly string[]>;
};

/** `locations`: the part of the configuration that says what leads where. */
export async function openNginx(locations: string): Promise<Nginx> {
  if (nginxProgram === null) throw new Error("nginx is not installed.");
  const folder = await mkdtemp(join(tmpdir(), "gridlike-nginx-"));
  await mkdir(join(folder, "bodies"));
  await writeFile(join(folder, "users"), "ada:{PLAIN}lovelace\n");
  for (let round = 0; ; round += 1) {
    const port = await freePort();
    await writeFile(join(folder, "nginx.conf"), configuration(folder, port, locations));
    const run = Bun.spawn(
      [nginxProgram, "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"],
      { stdout: "ignore", stderr: "pipe", stdin: "ignore" },
    );
    const state = await Promise.race([
      answers(port).then(() => "up" as const),
      run.exited.then(() => "gone" as const),
    ]);
    if (state === "gone") {
      // Another program may have taken the port meanwhile.
      if (round < 5) continue;
      throw new Error(`nginx does not start: ${await new Response(run.stderr).text()}`);
    }
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      bufferedBodies: () => readdir(join(folder, "bodies")),
      async [Symbol.asyncDispose]() {
        run.kill("SIGTERM");
        await run.exited;
        await rm(folder, { recursive: true });
      },
    };
  }
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    if (answer !== null) return;
    await new Promise(setImmediate);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo; // It listens on TCP.
      server.close(() => resolve(port));
    });
  });
}

function configuration(folder: string, port: number, locations: string): string {
  return `
    daemon off;
    ${process.getuid?.() === 0 ? "user root;" : ""}
    worker_processes 1;
    pid ${folder}/nginx.pid;
    events { worker_connections 256; }
    http {
      access_log off;
      client_body_temp_path ${folder}/bodies;
      proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi;
      scgi_temp_path ${folder}/scgi;
      map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
      server {
        listen 127.0.0.1:${port};
        server_name grid.example;
        auth_basic "grid";
        auth_basic_user_file ${folder}/users;
        location = / { return 204; }
        ${locations}
      }
    }
  `;
}
