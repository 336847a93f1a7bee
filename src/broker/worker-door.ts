// The door of workers that speak v2: what all their connections share. One look now and then finds the silent ones,
// however many there are; news of a job reaches whoever has it in hand.

import { silenceLookMs } from "../domain/limits.ts";
import type { Timer } from "../platform/clock.ts";
import type { WorkerConnection, WorkerSocket } from "./broker.ts";
import type { News } from "./feed.ts";
import { createConnections, type ConnectionDeps } from "./worker-connection.ts";
import { createHands } from "./worker-hands.ts";
import { createWorkerPeople } from "./worker-people.ts";
import type { Connection } from "./worker-self.ts";

export type WorkerDoor = {
  attach(socket: WorkerSocket): WorkerConnection;
  note(news: News): void;
};

export type WorkerDoorDeps = Omit<ConnectionDeps, "hands" | "people" | "onClosed">;

export function createWorkerDoor(given: WorkerDoorDeps): WorkerDoor {
  const connections = new Set<Connection>();
  let looking: Timer | null = null;

  const lookLater = () => {
    looking = given.clock.after(silenceLookMs, () => {
      looking = null;
      for (const connection of connections) connection.look();
      if (connections.size > 0) lookLater();
    });
  };
  const deps: ConnectionDeps = {
    ...given,
    hands: createHands(),
    people: createWorkerPeople(),
    onClosed(connection) {
      connections.delete(connection);
      if (connections.size > 0) return;
      looking?.cancel();
      looking = null;
    },
  };

  const open = createConnections(deps);

  return {
    attach(socket) {
      const connection = open(socket);
      connections.add(connection);
      if (looking === null) lookLater();
      return connection;
    },
    note: deps.hands.note,
  };
}
