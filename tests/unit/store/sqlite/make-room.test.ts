import { expect, test } from "bun:test";
import { createGroupCommit } from "../../../../src/store/sqlite/group-commit.ts";

/** An engine whose disk is full until room is made, which can be done so many times. */
function aFullDisk(reserveCount: number) {
  let isFull = true;
  let left = reserveCount;
  const commits: string[] = [];
  const turns: (() => void)[] = [];
  const group = createGroupCommit({
    transact(work) {
      work();
      if (isFull) throw Object.assign(new Error("full"), { code: "SQLITE_FULL" });
      commits.push("commit");
    },
    clock: { after: () => ({ cancel() {} }) },
    atEndOfTurn: (call) => turns.push(call),
    onBroken: () => commits.push("broken"),
    makeRoom() {
      if (left === 0) return false;
      left -= 1;
      isFull = false;
      return true;
    },
  });
  const write = async () => {
    const answer = group.write(1, () => "written").catch((error: { code: string }) => error.code);
    while (turns.length > 0) turns.shift()?.();
    return answer;
  };
  return { group, write, commits };
}

test("write() tries once more after room was made, so that the change is kept", async () => {
  const { write, commits } = aFullDisk(1);
  expect(await write()).toBe("written");
  expect(commits).toEqual(["commit"]);
});

test("write() refuses with disk-low when no room can be made", async () => {
  const { write, commits } = aFullDisk(0);
  expect(await write()).toBe("disk-low");
  expect(commits).toEqual([]);
});

test("writeNow() tries once more after room was made", () => {
  const { group, commits } = aFullDisk(1);
  expect(group.writeNow(() => "written")).toBe("written");
  expect(commits).toEqual(["commit"]);
});
