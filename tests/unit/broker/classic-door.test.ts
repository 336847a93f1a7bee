// What the door does beside the store: timers, seats, tokens, closes. Results and losses need a store and are
// shown with a whole broker.

import { expect, test } from "bun:test";
import { attachClassic } from "../../../src/broker/classic-door.ts";
import { createFeed } from "../../../src/broker/feed.ts";
import { createRoster } from "../../../src/broker/roster.ts";
import { createSilentLog } from "../../../src/platform/log.ts";
import type { BlobStore } from "../../../src/blobs/blob-store.ts";
import type { JobStore } from "../../../src/store/job-store.ts";
import { aJob, aType } from "../../support/a-job.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const ask = '{"code":2}';
const register = '{"code":0,"name":"closet","id":"4f2a","token":"right"}';

function aDoor({ canSend = true } = {}) {
  const clock = createVirtualClock();
  const roster = createRoster();
  const sent: string[] = [];
  const heard: string[] = [];
  const deps = {
    // Nothing here reaches a store: the works that would are written down instead.
    jobs: {} as JobStore,
    blobs: {} as BlobStore,
    smallBlobBytesMax: 0,
    feed: createFeed({ clock }),
    makeId: () => "id",
    typeOf: () => aType(),
    clock,
    random: createSeededRandom(1),
    isElsewherePossible: () => false,
    heldJob: () => null,
    saidIn: () => null,
    log: createSilentLog(),
    roster,
    verifyWorkerToken: (token: string) => token === "right",
    kickAfterMs: 500,
    payloadBytesMax: 1_000,
    onRoom: () => heard.push("room"),
    onJoin: () => heard.push("join"),
    onLeave: () => heard.push("leave"),
    carryOut: (work: Promise<unknown>) => {
      heard.push("work");
      work.catch(() => {}); // There is no store.
    },
    isTrusted: () => true,
    isStopping: () => false,
  };
  const connection = attachClassic(deps, {
    connection: "c1",
    type: "",
    address: "127.0.0.1",
    sendText: (text) => sent.push(text),
    sendBytes(bytes) {
      sent.push(`${bytes.length} bytes`);
      return canSend;
    },
    close: (code, reason) => sent.push(`close ${code} ${reason}`),
  });
  const give = (seq = 7) =>
    roster.requireSeat("c1").give({
      job: aJob("running", { seq }),
      payload: new Uint8Array([1, 2, 3]),
      token: new Uint8Array(32),
    });
  const freeCount = () => roster.free().get("")?.size ?? 0;
  return { clock, roster, sent, heard, connection, give, freeCount };
}

test("attachClassic() asks for the status after the registration, and offers a ready worker [GL-25]", () => {
  const { roster, sent, heard, connection, freeCount } = aDoor();
  expect(connection.isRegistered).toBe(false);
  connection.text(register);
  expect([connection.isRegistered, sent, heard]).toEqual([true, [ask], ["join"]]);
  expect([roster.requireSeat("4f2a").state(), freeCount()]).toEqual(["unsure", 0]);
  connection.text('{"code":1,"status":1}');
  expect([roster.requireSeat("4f2a").state(), freeCount()]).toEqual(["ready", 1]);
  expect(heard).toEqual(["join", "room"]);
});

test("attachClassic() asks an unsure worker again every five seconds until it is sure [GL-25] [GL-47]", () => {
  const { clock, sent, connection, freeCount } = aDoor();
  connection.text(register);
  for (const count of [2, 3, 4]) {
    clock.advance(5_000);
    expect(sent).toEqual(Array<string>(count).fill(ask));
    connection.text('{"code":1,"status":0}');
  }
  connection.text('{"code":1,"status":1}');
  expect(freeCount()).toBe(1);
  clock.advance(60_000);
  expect(sent).toHaveLength(4);
  expect(clock.timerCount()).toBe(0);
});

test("attachClassic() closes a socket that does not register in time [GL-28]", () => {
  const { clock, sent, connection } = aDoor();
  clock.advance(499);
  expect(sent).toEqual([]);
  clock.advance(1);
  expect(sent).toEqual(["close 4401 no registration in time"]);
  connection.text(register);
  expect([connection.isRegistered, sent.length]).toEqual([false, 1]);
});

test("attachClassic() closes a wrong token only when the grace time is over [GL-28]", () => {
  const { clock, sent, connection } = aDoor();
  connection.text(register.replace("right", "wrong"));
  clock.advance(499);
  expect([sent, connection.isRegistered]).toEqual([[], false]);
  clock.advance(1);
  expect(sent).toEqual(["close 4401 wrong token"]);
});

test("attachClassic() gives one job at a time [GL-33]", () => {
  const { roster, sent, connection, give, freeCount } = aDoor();
  connection.text(register);
  expect(give()).toBe(false);
  connection.text('{"code":1,"status":1}');
  expect([give(), freeCount(), roster.requireSeat("c1").state()]).toEqual([true, 0, "busy"]);
  expect(give(8)).toBe(false);
  expect(sent).toEqual([ask, "3 bytes"]);
});

test("attachClassic() parts with a worker that a payload could not be sent to", () => {
  const { roster, sent, heard, connection, give, freeCount } = aDoor({ canSend: false });
  connection.text(register);
  connection.text('{"code":1,"status":1}');
  expect(give()).toBe(false);
  expect(sent.at(-1)).toBe("close 1013 the payload could not be sent");
  // What it still says before the close arrives must not make it look free.
  connection.text('{"code":1,"status":1}');
  expect([freeCount(), roster.seatCount()]).toEqual([0, 0]);
  // The dispatcher takes the job back itself: no loss is charged.
  expect(heard).toEqual(["join", "room", "leave"]);
});

test("attachClassic() leaves no timer and no seat behind when the socket closes", () => {
  for (const messages of [[], [register], [register, '{"code":1,"status":1}'], ["garbage"]]) {
    const { clock, roster, connection } = aDoor();
    for (const message of messages) connection.text(message);
    connection.closed();
    connection.closed();
    expect([clock.timerCount(), roster.seatCount()]).toEqual([0, 0]);
  }
});

test("attachClassic() loses the job of a worker whose socket closes, once [GL-32]", () => {
  const { heard, connection, give } = aDoor();
  connection.text(register);
  connection.text('{"code":1,"status":1}');
  give();
  connection.closed();
  connection.closed();
  expect(heard).toEqual(["join", "room", "work", "leave"]);
});

test("attachClassic() shows the progress of the job that the worker holds [GL-26]", () => {
  const { roster, connection, give } = aDoor();
  connection.text(register);
  connection.text('{"code":1,"status":1}');
  give();
  roster.hold(roster.requireSeat("c1"), aJob("running", { seq: 7 }), { ms: 0, leaseMs: null });
  connection.text('{"code":3,"percent":40,"info":"meshing"}');
  expect(roster.lease(7)?.progress).toEqual({ percent: 40, info: "meshing" });
  connection.text('{"code":3,"percent":null,"info":"solving"}');
  expect(roster.lease(7)?.progress).toEqual({ percent: null, info: "solving" });
});
