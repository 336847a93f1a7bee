// Does harm, by a plan that the seed decides: kills and stops the server, cuts cables, moves the wall clock,
// fills and breaks the disk. When healing begins it leaves the server running and everything in order.

import type { Chance } from "./chance.ts";
import type { Disk } from "./disk.ts";
import type { Knobs } from "./knobs.ts";
import type { Network } from "./network.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Server } from "./server.ts";
import type { Wall } from "./sim-clock.ts";
import type { Trace } from "./trace.ts";

export type NemesisDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly server: Server;
  readonly network: Network;
  readonly disk: Disk;
  readonly wall: Wall;
  readonly isHealing: () => boolean;
};

const harms = {
  kill: 5,
  "kill-while-booting": 1,
  stop: 2,
  "stop-and-kill": 1,
  break: 1,
  cut: 4,
  partition: 1,
  low: 2,
  full: 2,
  jump: 4,
} as const;
type Harm = keyof typeof harms;

/** Boots the server, does harm until healing begins, and leaves with the server up. */
export async function runNemesis(deps: NemesisDeps): Promise<void> {
  const { scheduler, chance, knobs, server } = deps;
  await server.boot();
  while (!deps.isHealing()) {
    await scheduler.sleep(chance.between(100, knobs.faultPauseMsMax));
    if (deps.isHealing()) return;
    await harm(deps, chance.weighted<Harm>(harms));
  }
}

async function harm(deps: NemesisDeps, what: Harm): Promise<void> {
  const { scheduler, chance, server, network, disk, trace } = deps;
  switch (what) {
    case "kill":
      server.kill(chance.pick(["drop", "keep", "part"]));
      return downFor(deps);
    case "kill-while-booting":
      server.kill("drop");
      await scheduler.sleep(chance.between(0, 500));
      void server.boot();
      await scheduler.sleep(chance.between(0, 40));
      trace.note("fault.kill-while-booting");
      server.kill(chance.pick(["drop", "keep", "part"]));
      return downFor(deps);
    case "stop":
      await server.stop();
      return downFor(deps);
    case "stop-and-kill":
      void server.stop();
      await scheduler.sleep(chance.between(0, 50));
      trace.note("fault.stop-and-kill");
      server.kill(chance.pick(["drop", "keep", "part"]));
      return downFor(deps);
    case "break":
      disk.breakDown(chance.is(0.5));
      await scheduler.sleep(chance.between(0, 300));
      server.kill("drop");
      return downFor(deps);
    case "cut":
      for (const link of network.links()) {
        if (!chance.is(0.3)) continue;
        trace.note("fault.cut", link.connection);
        link.cut();
      }
      return;
    case "partition":
      trace.note("fault.partition");
      for (const link of network.links()) link.cut();
      return;
    case "low":
    case "full":
      trace.note(`fault.${what}`);
      disk.setSpace(what === "low" ? "no-uploads" : "none");
      await scheduler.sleep(chance.between(10, deps.knobs.fullMsMax));
      return disk.setSpace("enough");
    case "jump":
      return jump(deps);
  }
}

async function downFor({ scheduler, chance, server }: NemesisDeps): Promise<void> {
  await scheduler.sleep(chance.is(0.8) ? chance.between(0, 1_000) : chance.between(0, 15_000));
  await server.boot();
}

function jump({ chance, knobs, wall, trace, scheduler }: NemesisDeps): void {
  if (!knobs.wallJumps) return;
  const ms = chance.pick([1_000, 10_000, 3_600_000, 86_400_000]);
  const signed = chance.is(0.5) ? ms : -ms;
  trace.note("fault.jump", `${signed}`);
  wall.offsetMs += signed;
  wall.offsetMsMax = Math.max(wall.offsetMsMax, wall.offsetMs);
  if (signed > 0) wall.setForwardAtMs = scheduler.nowMs();
  else wall.setBackAtMs = scheduler.nowMs();
}
