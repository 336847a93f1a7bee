// What clients asked for and what they were told: kept outside the server, so that no crash can touch it.
// An answer is held against what is durable at the moment it arrives, and all of them again at the end.

import type { JobOptions, Priority } from "../../src/domain/job.ts";
import type { Submitted } from "../../src/broker/broker.ts";

/** One job that a client wants: everything the server was told, and what it has said. */
export type Order = {
  readonly key: string;
  readonly type: string;
  readonly priority: Priority;
  readonly group: string | null;
  readonly options: JobOptions;
  readonly payload: Uint8Array;
  /** Null until a submission was acknowledged. */
  acknowledged: Submitted | null;
  /** Submissions and deletions whose answer is not certain yet. A client never has both under way. */
  submitsUnderWay: number;
  deletesUnderWay: number;
  isDeleted: boolean;
};

/** True when the server may have deleted the job by now, as it was told to. */
export function mayBeGone({ deletesUnderWay, isDeleted }: Order): boolean {
  return isDeleted || deletesUnderWay > 0;
}

export type Ledger = {
  open(order: Order): void;
  /** The newest order under this key: orders may follow one another after a deletion. */
  underKey(key: string): Order | null;
  orders(): readonly Order[];
  acknowledge(order: Order, submitted: Submitted): void;
  /** The order that was acknowledged under this id, or null. */
  withId(id: string): Order | null;
};

export function createLedger(): Ledger {
  const orders: Order[] = [];
  const newestByKey = new Map<string, Order>();
  const byId = new Map<string, Order>();
  return {
    open(order) {
      orders.push(order);
      newestByKey.set(order.key, order);
    },
    underKey: (key) => newestByKey.get(key) ?? null,
    orders: () => orders,
    acknowledge(order, submitted) {
      order.acknowledged = submitted;
      byId.set(submitted.id, order);
    },
    withId: (id) => byId.get(id) ?? null,
  };
}
