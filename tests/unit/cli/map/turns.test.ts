import { expect, test } from "bun:test";
import { mapHeldBytesMax } from "../../../../src/cli/map/limits.ts";
import { createTurns, type Printable } from "../../../../src/cli/map/turns.ts";
import { tagged } from "../../../../src/cli/map/tagged.ts";

function aPrintable(name: string, said: string[], given: Partial<Printable> = {}): Printable {
  return {
    sizeBytes: 1,
    isHeld: true,
    print: async () => void said.push(name),
    close: async () => void said.push(`${name} let go`),
    printAgain: async () => void said.push(`${name} again`),
    ...given,
  };
}

test("take() prints in the order of the places when that was asked for", async () => {
  const said: string[] = [];
  const turns = createTurns({ keepsOrder: true });
  for (const place of [2, 1, 4]) await turns.take(place, aPrintable(`${place}`, said));
  expect(said).toEqual([]);
  await turns.take(0, aPrintable("0", said));
  expect(said).toEqual(["0", "1", "2"]);
  await turns.skip(3);
  expect(said).toEqual(["0", "1", "2", "4"]);
});

test("take() prints at once otherwise, one after the other", async () => {
  const said: string[] = [];
  const turns = createTurns({ keepsOrder: false });
  const slow = Promise.withResolvers<void>();
  const print = async () => {
    said.push("slow begins");
    await slow.promise;
    said.push("slow ends");
  };
  const first = turns.take(7, aPrintable("", said, { print }));
  const second = turns.take(3, aPrintable("next", said));
  slow.resolve();
  await Promise.all([first, second]);
  expect(said).toEqual(["slow begins", "slow ends", "next"]);
});

test("take() lets go of what is too much to hold, or holds a connection, and gets it anew at its turn", async () => {
  const said: string[] = [];
  const turns = createTurns({ keepsOrder: true });
  await turns.take(1, aPrintable("open", said, { isHeld: false }));
  await turns.take(2, aPrintable("large", said, { sizeBytes: mapHeldBytesMax }));
  await turns.take(3, aPrintable("more", said));
  expect(said).toEqual(["open let go", "more let go"]);
  said.length = 0;
  await turns.take(0, aPrintable("first", said, { isHeld: false }));
  expect(said).toEqual(["first", "open again", "large", "more again"]);
});

test("flush() prints what waits when nothing more will come", async () => {
  const said: string[] = [];
  const turns = createTurns({ keepsOrder: true });
  for (const place of [5, 3]) await turns.take(place, aPrintable(`${place}`, said));
  await turns.flush();
  expect(said).toEqual(["3", "5"]);
});

test("tagged() begins each line with the tag, wherever the pieces are cut", async () => {
  const text = "one\n\nthree\nno end";
  for (const size of [1, 2, 5, 100]) {
    async function* pieces() {
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const said = Buffer.concat(await Array.fromAsync(tagged(pieces(), Buffer.from("t\t"))));
    expect(said.toString()).toBe("t\tone\nt\t\nt\tthree\nt\tno end");
  }
});
