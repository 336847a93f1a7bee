// Workers that speak v2, and the harm that is done to them: processes die and come back with what their disks kept,
// cables are cut, by halves as well, machines are copied, operators drain. From healing on each lives in peace, or is
// gone for good.

import type { Broker } from "../../src/broker/broker.ts";
import type { V2Link } from "./v2-network.ts";
import { startProcess, type Machine, type V2Process, type V2ProcessDeps } from "./v2-process.ts";

export type V2WorkersDeps = V2ProcessDeps & {
  /** From then on workers leave and do not come back. */
  readonly isOver: () => boolean;
};

export type V2Workers = {
  /** Resolves when all have left. */
  readonly done: Promise<void>;
  /** Machines that still have something to deliver. */
  laden(): readonly string[];
};

const harms = {
  kill: 5,
  drain: 2,
  squeeze: 2,
  cut: 6,
  "hang-up": 3,
  "lose-to-server": 2,
  "lose-to-worker": 2,
  unplug: 4,
  stall: 8,
  clog: 1,
  clone: 1,
  twin: 1,
  "operator-drain": 3,
} as const;
type Harm = keyof typeof harms;

/** Copies that are made of machines in one run. */
const copyCountMax = 2;

export function runV2Workers(deps: V2WorkersDeps): V2Workers {
  const { scheduler, chance, knobs, trace, network, onlooker, server } = deps;
  const processes = new Map<Machine, V2Process>();
  const lives: Promise<void>[] = [];
  let copyCount = 0;
  let bootCount = 0;

  const live = async (machine: Machine, firstBoot: string | null) => {
    let bootId = firstBoot;
    while (!deps.isOver()) {
      bootCount += 1;
      const mine = deps.chance.fork(`process ${bootCount}`);
      const boot = bootId ?? mine.bytes(16).toHex();
      bootId = null;
      const process = startProcess({ ...deps, chance: mine }, machine, boot);
      processes.set(machine, process);
      trace.note("v2.started", machine.name);
      void harmOften(machine, process);
      await process.done;
      processes.delete(machine);
      if (deps.isHealing() && machine.isRetiring) return;
      await scheduler.sleep(chance.between(20, deps.isHealing() ? 500 : knobs.absenceMsMax));
    }
  };
  const harmOften = async (machine: Machine, process: V2Process) => {
    const { holder } = process;
    while (holder.isAlive() && !deps.isHealing()) {
      await scheduler.sleep(chance.between(100, knobs.v2HarmPauseMsMax));
      if (!holder.isAlive()) return;
      if (!deps.isHealing()) await harm(machine, process, chance.weighted<Harm>(harms));
    }
    if (machine.isRetiring) return process.kill();
    while (!deps.isOver()) await scheduler.sleep(1_000);
    process.drain(0);
  };
  const linkOf = (process: V2Process): V2Link | null => {
    const connection = process.connection();
    return [...network.links()].find((link) => link.connection === connection) ?? null;
  };

  const harm = async (machine: Machine, process: V2Process, what: Harm) => {
    const link = linkOf(process);
    trace.note(`v2.harm-${what}`, machine.name);
    switch (what) {
      case "kill":
        return process.kill();
      case "drain":
        process.drain(chance.between(0, 5_000));
        return process.done;
      case "squeeze":
        return process.squeeze(chance.between(0, machine.window), chance.between(500, 20_000));
      case "cut":
        return link?.cut();
      case "hang-up":
        return process.hangUp();
      case "lose-to-server":
        return link?.halve("to-server");
      case "lose-to-worker":
        return link?.halve("to-worker");
      case "unplug":
        machine.unpluggedUntilMs = scheduler.nowMs() + chance.between(500, knobs.v2AwayMsMax);
        link?.cut();
        return chance.is(0.3) ? cancelOne(process) : undefined;
      case "stall":
        return link?.stall(chance.between(500, knobs.v2AwayMsMax));
      case "clog":
        return link?.clog(chance.between(100, 5_000));
      case "clone":
        return copy(machine, null);
      case "twin":
        // With jobs in its hands each of the two would run them.
        return process.isEmpty() ? copy(machine, process.holder.bootId) : undefined;
      case "operator-drain":
        return drainByOperator(machine.workerId);
    }
  };
  /** Somebody calls a job off while its worker cannot be told. */
  const cancelOne = async ({ holder }: V2Process) => {
    const [name] = holder.running().keys();
    if (name === undefined) return;
    const id = name.slice(0, name.lastIndexOf("."));
    trace.note("v2.called-off", name);
    await isTold((broker) => broker.cancel({ by: "id", id }));
  };
  const copy = (machine: Machine, bootId: string | null) => {
    if (copyCount >= copyCountMax) return;
    copyCount += 1;
    const name = `${machine.name}c${copyCount}`;
    const twin: Machine = { ...machine, name, renewals: 0, disk: new Map(machine.disk) };

    lives.push(live(twin, bootId));
  };
  const drainByOperator = async (workerId: string) => {
    if (!(await isTold((broker) => broker.drainWorker(workerId)))) return;
    onlooker.drained(workerId);
    trace.note("v2.drained", workerId);
    await scheduler.sleep(chance.between(100, 10_000));
    if (!deps.isHealing()) await undrain(workerId);
  };
  const undrain = async (workerId: string) => {
    onlooker.undrained(workerId); // It may have been heard, whatever is answered.
    await isTold((broker) => broker.undrainWorker(workerId));
  };
  const isTold = async (verb: (broker: Broker) => unknown): Promise<boolean> => {
    const answer = await server.call(async (broker) => void (await verb(broker)));
    return answer.kind === "ok";
  };
  /** Whom somebody drained and forgot. */
  const undrainAll = async () => {
    while (!deps.isOver()) {
      await scheduler.sleep(deps.isHealing() ? 1_000 : 10_000);
      if (!deps.isHealing()) continue;
      const views = server.broker()?.workers() ?? [];
      for (const { id, state, protocol } of views) {
        if (protocol === "v2" && state === "draining") await undrain(id);
      }
    }
  };

  const count = chance.between(0, knobs.v2WorkersMax);
  for (let at = 1; at <= count; at += 1) {
    const types = knobs.types.map(({ name }) => name).filter(() => chance.is(0.5));
    const slots = chance.between(1, 3);
    const name = `v${at}`;
    lives.push(
      live(
        {
          name,
          workerId: name,
          renewals: 0,
          unpluggedUntilMs: 0,
          types: types.length === 0 ? [chance.pick(knobs.types).name] : types,
          slots,
          window: slots + chance.between(0, 4),
          isBlackHole: knobs.failureRate > 0 && chance.is(0.1),
          isRetiring: chance.is(0.2),
          disk: new Map(),
        },
        null,
      ),
    );
  }
  if (count > 0) lives.push(undrainAll());
  const wait = async () => {
    for (let at = 0; at < lives.length; at += 1) await lives[at];
  };
  return {
    done: wait(),
    laden: () => [...processes].flatMap(([{ name }, process]) => (process.isEmpty() ? [] : [name])),
  };
}
