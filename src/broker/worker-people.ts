// Which worker is on which connection: a worker has one at a time. Its own newer connection replaces the older one;
// a copy of it, which has the same id and another boot, is sent away while the first one lives.

/** A connection as far as its place goes. */
export type Place = {
  /** Resolves with whether anything is heard of it soon. */
  isAlive(): Promise<boolean>;
  /** A newer connection of the same process is there. */
  replace(): void;
  /** Nothing is heard of it, and its place is wanted. */
  drop(): void;
};

export type WorkerPeople = {
  /** Gives a connection the worker's place. False when another process has it, and lives. */
  enter(place: Place, worker: { readonly id: string; readonly bootId: string }): Promise<boolean>;
  leave(place: Place, workerId: string): void;
};

export function createWorkerPeople(): WorkerPeople {
  const takenById = new Map<string, { readonly place: Place; readonly bootId: string }>();

  return {
    async enter(place, { id, bootId }) {
      for (;;) {
        const taken = takenById.get(id);
        if (taken === undefined) break;
        if (taken.bootId === bootId) taken.place.replace();
        else if (await taken.place.isAlive()) return false;
        else taken.place.drop();
        // Whoever had to go has left; should it not have, it must not stand in the way.
        if (takenById.get(id) === taken) takenById.delete(id);
      }
      takenById.set(id, { place, bootId });
      return true;
    },
    leave(place, id) {
      if (takenById.get(id)?.place === place) takenById.delete(id);
    },
  };
}
