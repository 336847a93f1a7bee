import { describe, expect, test } from "bun:test";
import { GridError } from "../../../../src/domain/errors.ts";
import {
  changesPerCommitMax,
  commitAgainMs,
  commitSoonMsMax,
  gatherTurnCountMax,
} from "../../../../src/domain/limits.ts";
import { createGroupCommit } from "../../../../src/store/sqlite/group-commit.ts";

/** An engine that writes down what it commits, and fails when a test says so. */
function createEngine() {
  const commits: string[][] = [];
  const turns: (() => void)[] = [];
  const broken: unknown[] = [];
  const later: { readonly ms: number; readonly call: () => void }[] = [];
  let current: string[] = [];
  const engine = {
    commits,
    broken,
    later,
    failure: null as null | (() => Error | null),
    /** Applied within a transaction. */
    put: (text: string) => {
      current.push(text);
      return `${text}!`;
    },
    endTurn: () => {
      // While changes keep coming a commit waits for another turn: until something is committed, or all is over.
      const before = commits.length;
      do for (const call of turns.splice(0)) call();
      while (turns.length > 0 && commits.length === before);
    },
    endOneTurn: () => {
      for (const call of turns.splice(0)) call();
    },
    waitingTurns: () => turns.length,
  };
  const group = createGroupCommit({
    transact: (work) => {
      current = [];
      work();
      const error = engine.failure?.() ?? null;
      if (error !== null) throw error;
      commits.push(current);
    },
    clock: {
      after: (ms, call) => {
        later.push({ ms, call });
        return { cancel() {} };
      },
    },
    atEndOfTurn: (call) => turns.push(call),
    onBroken: (error) => broken.push(error),
  });
  return { ...engine, group, engine };
}

function sqliteError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => String(value),
    (error: Error) => (error instanceof GridError ? error.code : error.message),
  );
}

describe("group commit", () => {
  test("write() gathers what comes in one turn into one commit, in order", async () => {
    const { group, put, commits, endTurn } = createEngine();
    const answers = ["a", "b", "c"].map((text) => group.write(1, () => put(text)));
    expect(commits).toEqual([]);
    endTurn();
    expect(await Promise.all(answers)).toEqual(["a!", "b!", "c!"]);
    expect(commits).toEqual([["a", "b", "c"]]);
  });

  test("write() answers only after the commit that carries the change", async () => {
    const { group, put, commits, endTurn } = createEngine();
    let commitsAtAnswer = -1;
    const answered = group.write(1, () => put("a")).then(() => (commitsAtAnswer = commits.length));
    await Promise.resolve();
    expect(commitsAtAnswer).toBe(-1);
    endTurn();
    await answered;
    expect(commitsAtAnswer).toBe(1);
  });

  test("write() gathers changes for more turns while they keep coming, and not for ever", async () => {
    const { group, put, commits, endTurn, waitingTurns, endOneTurn } = createEngine();
    const answers = [group.write(1, () => put("0"))];
    let turnCount = 0;
    while (commits.length === 0 && turnCount < 100) {
      turnCount += 1;
      answers.push(group.write(1, () => put(String(turnCount))));
      endOneTurn();
    }
    expect(turnCount).toBe(gatherTurnCountMax);
    while (waitingTurns() > 0) endTurn();
    await Promise.all(answers);
  });

  test("write() of one change alone waits for no further turn", async () => {
    const { group, put, commits, endOneTurn } = createEngine();
    const answer = group.write(1, () => put("a"));
    endOneTurn();
    expect(commits).toEqual([["a"]]);
    await answer;
  });

  test("write() leaves what is too much for one commit to the next turn", async () => {
    const { group, put, commits, endTurn, waitingTurns } = createEngine();
    const sizes = [changesPerCommitMax - 1, 1, 1, changesPerCommitMax + 5, 1];
    const answers = sizes.map((size, index) => group.write(size, () => put(String(index))));
    endTurn();
    expect(commits).toEqual([["0", "1"]]);
    expect(waitingTurns()).toBe(1);
    while (waitingTurns() > 0) endTurn();
    await Promise.all(answers);
    expect(commits).toEqual([["0", "1"], ["2"], ["3"], ["4"]]);
  });

  test("a change that throws fails only its own caller", async () => {
    const { group, put, commits, endTurn } = createEngine();
    const bad = () => {
      throw new Error("bad row");
    };
    const answers = [
      group.write(1, () => put("a")),
      group.write(1, bad),
      group.write(1, () => put("c")),
    ].map(outcome);
    endTurn();
    expect(await Promise.all(answers)).toEqual(["a!", "bad row", "c!"]);
    expect(commits).toEqual([["a"], ["c"]]);
  });

  test("a full disk is told to each caller it concerns, and later changes are tried again", async () => {
    const { group, put, engine, endTurn, broken } = createEngine();
    let full = 3; // The commit of both, then each alone.
    engine.failure = () => (full-- > 0 ? sqliteError("SQLITE_FULL") : null);
    const answers = ["a", "b"].map((text) => outcome(group.write(1, () => put(text))));
    endTurn();
    expect(await Promise.all(answers)).toEqual(["disk-low", "disk-low"]);
    const later = outcome(group.write(1, () => put("c")));
    endTurn();
    expect(await later).toBe("c!");
    expect(broken).toEqual([]);
  });

  test("a failed sync ends all use of the database: nothing is tried again", async () => {
    for (const code of ["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_WRITE", "SQLITE_CORRUPT"]) {
      const { group, put, engine, endTurn, broken, commits } = createEngine();
      let tries = 0;
      engine.failure = () => {
        tries += 1;
        return sqliteError(code);
      };
      const answers = ["a", "b"].map((text) => outcome(group.write(1, () => put(text))));
      const waiting = outcome(group.write(changesPerCommitMax, () => put("c")));
      endTurn();
      expect(await Promise.all([...answers, waiting])).toEqual([
        "internal",
        "internal",
        "internal",
      ]);
      expect(await outcome(group.write(1, () => put("d")))).toBe("internal");
      expect(await outcome(group.read(() => "e"))).toBe("internal");
      expect(() => group.writeNow(() => put("f"))).toThrow(GridError);
      endTurn();
      expect({ tries, commits, broken: broken.length }).toEqual({
        tries: 1,
        commits: [],
        broken: 1,
      });
    }
  });

  test("a disk that fails while changes are tried one by one ends all use as well", async () => {
    const { group, put, engine, endTurn, broken } = createEngine();
    const errors = ["SQLITE_CONSTRAINT", "SQLITE_IOERR_FSYNC"].map(sqliteError);
    engine.failure = () => errors.shift() ?? null;
    const answers = ["a", "b", "c"].map((text) => outcome(group.write(1, () => put(text))));
    endTurn();
    expect(await Promise.all(answers)).toEqual(["internal", "internal", "internal"]);
    expect(broken).toHaveLength(1);
  });

  test("a disk that fails under a read ends all use as well", async () => {
    const { group, put, broken } = createEngine();
    const read = () => {
      throw sqliteError("SQLITE_IOERR_READ");
    };
    expect(await outcome(group.read(read))).toBe("internal");
    expect(await outcome(group.write(1, () => put("a")))).toBe("internal");
    expect(broken).toHaveLength(1);
  });

  test("a shared-memory file that cannot grow is a full disk, not a broken one", async () => {
    const { group, put, engine, endTurn, broken } = createEngine();
    engine.failure = () => sqliteError("SQLITE_IOERR_SHMSIZE");
    const answer = outcome(group.write(1, () => put("a")));
    endTurn();
    expect(await answer).toBe("disk-low");
    expect(broken).toEqual([]);
  });

  test("a database locked by another program is told to all at once, not waited for by each", async () => {
    const { group, put, engine, endTurn } = createEngine();
    let tries = 0;
    engine.failure = () => {
      tries += 1;
      return sqliteError("SQLITE_BUSY");
    };
    const answers = ["a", "b", "c"].map((text) => outcome(group.write(1, () => put(text))));
    endTurn();
    expect(await Promise.all(answers)).toEqual(["overloaded", "overloaded", "overloaded"]);
    expect(tries).toBe(1);
  });

  test("writeNow() commits at once and leaves what waits to its turn", async () => {
    const { group, put, commits, endTurn } = createEngine();
    const waiting = group.write(1, () => put("a"));
    expect(group.writeNow(() => put("b"))).toBe("b!");
    expect(commits).toEqual([["b"]]);
    endTurn();
    await waiting;
    expect(commits).toEqual([["b"], ["a"]]);
  });

  test("close() commits what waits and takes nothing more", async () => {
    const { group, put, commits, endTurn } = createEngine();
    const waiting = outcome(group.write(changesPerCommitMax, () => put("a")));
    const further = outcome(group.write(1, () => put("b")));
    expect(group.close()).toBe("closed");
    expect(await Promise.all([waiting, further])).toEqual(["a!", "b!"]);
    expect(await outcome(group.write(1, () => put("c")))).toBe("shutting-down");
    expect(await outcome(group.read(() => "d"))).toBe("shutting-down");
    endTurn();
    group.close();
    expect(commits).toEqual([["a"], ["b"]]);
  });

  test("writeSoon() shares the commit of what comes next, and is told when it is durable", async () => {
    const { group, put, commits, later, endTurn } = createEngine();
    const told: string[] = [];
    group.writeSoon(
      () => put("claim"),
      () => told.push("durable"),
    );
    endTurn();
    expect([commits, told, later.map(({ ms }) => ms)]).toEqual([[], [], [commitSoonMsMax]]);
    const answer = group.write(1, () => put("result"));
    endTurn();
    expect(await answer).toBe("result!");
    expect([commits, told]).toEqual([[["claim", "result"]], ["durable"]]);
  });

  test("writeSoon() gets a commit of its own when nothing else comes", () => {
    const { group, put, commits, later, endTurn } = createEngine();
    group.writeSoon(
      () => put("claim"),
      () => {},
    );
    later[0]?.call();
    endTurn();
    expect(commits).toEqual([["claim"]]);
  });

  test("writeSoon() is put again after a full disk, and fails what was built upon it", async () => {
    const { group, engine, put, commits, later, endTurn } = createEngine();
    const told: string[] = [];
    group.writeSoon(
      () => put("claim"),
      () => told.push("durable"),
    );
    const result = outcome(group.write(1, () => put("result")));
    engine.failure = () => sqliteError("SQLITE_FULL");
    endTurn();
    expect(await result).toBe("disk-low");
    later[0]?.call();
    endTurn();
    expect([commits, told, later.map(({ ms }) => ms)]).toEqual([
      [],
      [],
      [commitSoonMsMax, commitAgainMs],
    ]);
    engine.failure = null;
    const again = group.write(1, () => put("again"));
    endTurn();
    expect(await again).toBe("again!");
    expect([commits, told]).toEqual([[["claim", "again"]], ["durable"]]);
  });

  test("close() commits what was only promised", () => {
    const { group, put, commits } = createEngine();
    group.writeSoon(
      () => put("claim"),
      () => {},
    );
    expect([group.close(), commits]).toEqual(["closed", [["claim"]]]);
  });
});
