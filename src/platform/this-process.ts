// What a process can tell of itself to the next one.

import { hostname } from "node:os";

export function thisProcess(): { readonly pid: number; readonly host: string } {
  return { pid: process.pid, host: hostname() };
}
