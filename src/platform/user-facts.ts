// Who this process runs as, and whether a container is around it.

import { existsSync, readFileSync } from "node:fs";

/** The user who may do everything on this machine; not one who is called root in a namespace of their own. */
export function isRoot(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    // A namespace that begins with 0 and is not the machine's own maps to another user outside.
    const [inside, outside] = readFileSync("/proc/self/uid_map", "latin1").trim().split(/\s+/);
    return inside === "0" && outside === "0";
  } catch {
    return true; // Not Linux: there root is root.
  }
}

/** As the common makers of containers tell what runs in them. */
export function isInContainer(): boolean {
  const { env } = process;
  const isTold = (env["container"] ?? "") !== "" || env["KUBERNETES_SERVICE_HOST"] !== undefined;
  return isTold || signs.some((path) => existsSync(path));
}

/** Of Docker, of Podman, and of what systemd manages. */
const signs = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];
