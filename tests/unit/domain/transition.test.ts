import { expect, test } from "bun:test";
import { statuses } from "../../../src/domain/job.ts";
import { transition } from "../../../src/domain/transition.ts";
import { aJob, aType, now } from "../../support/a-job.ts";
import { expectMoves, stepNames } from "../../support/moves.ts";

test("transition() answers every step in every status", () => {
  const tried = expectMoves(`
    pending              claim              running n=1 worker=a event=claimed about=1 from=a
    pending              complete           refused: abandon
    pending              fail               refused: not-open
    pending              time-out           refused: not-open
    pending              lose               refused: not-open
    pending              return             refused: not-open
    pending              release            refused: not-open
    pending              reopen             refused: abandon
    pending              cancel info=why    cancelled event=cancelled info=why about=none
    pending              retry              refused: still-active
    pending              hold               pending held=yes event=held
    pending              unhold             refused: not-due
    pending deadline=-1  expire             failed reason=expired event=expired about=none
    pending              damage             failed reason=payload_damaged event=damaged about=none

    running              claim              refused: not-pending
    running              complete           done by=1 result=r event=completed about=1 from=a
    running              fail info=oh       pending failures=1 event=failed info=oh about=1 from=a
    running              time-out           pending failures=1 event=timed_out about=1 from=a
    running              lose               pending crashes=1 event=lost about=1 from=a
    running              return             pending event=not_delivered about=1 from=a
    running              release            pending event=released about=1 from=a
    running              reopen             refused: not-pending
    running              cancel             cancelled event=cancelled about=1 from=a
    running              retry              refused: still-active
    running              hold               refused: still-active
    running              unhold             refused: not-due
    running deadline=-1  expire             refused: not-pending
    running              damage             failed reason=payload_damaged event=damaged about=1

    done                 claim              refused: not-pending
    done                 complete           refused: committed
    done                 fail               refused: not-open
    done                 time-out           refused: not-open
    done                 lose               refused: not-open
    done                 return             refused: not-open
    done                 release            refused: not-open
    done                 reopen             refused: not-pending
    done                 cancel             refused: already-done
    done                 retry              refused: already-done
    done                 hold               refused: already-settled
    done                 unhold             refused: not-due
    done deadline=-1     expire             refused: not-pending
    done                 damage             refused: already-settled

    failed               claim              refused: not-pending
    failed               complete           refused: abandon
    failed               fail               refused: not-open
    failed               time-out           refused: not-open
    failed               lose               refused: not-open
    failed               return             refused: not-open
    failed               release            refused: not-open
    failed               reopen             refused: not-pending
    failed               cancel             refused: already-done
    failed n=2           retry              pending n=2 retried=2 ready=0 held=no event=retried
    failed               hold               refused: already-settled
    failed               unhold             refused: not-due
    failed deadline=-1   expire             refused: not-pending
    failed               damage             refused: already-settled

    cancelled              claim            refused: not-pending
    cancelled              complete         refused: abandon
    cancelled              fail             refused: not-open
    cancelled              time-out         refused: not-open
    cancelled              lose             refused: not-open
    cancelled              return           refused: not-open
    cancelled              release          refused: not-open
    cancelled            reopen             refused: not-pending
    cancelled              cancel           refused: already-cancelled
    cancelled              retry            pending retried=1 ready=0 event=retried about=none
    cancelled              hold             refused: already-settled
    cancelled              unhold           refused: not-due
    cancelled deadline=-1  expire           refused: not-pending
    cancelled              damage           refused: already-settled
  `);
  const wanted = statuses.flatMap((status) => stepNames.map((step) => `${status} ${step}`));
  expect([...tried].sort()).toEqual([...wanted].sort());
});

test("claim numbers attempts from 1 and never starts anew", () => {
  expectMoves(`
    pending             claim worker=b  running n=1 worker=b
    pending n=1         claim worker=b  running n=2 worker=b about=2 from=b
    pending n=7 retried=7  claim        running n=8 retried=7
  `);
});

test("claim refuses a job whose time has not come, that is held, or whose deadline passed", () => {
  expectMoves(`
    pending ready=1           claim       refused: not-ready
    pending ready=1           claim at=1  running
    pending ready=-1          claim       running
    pending held=yes          claim       refused: not-ready
    pending held=yes          claim waived=yes  refused: not-ready
    pending deadline=-1       claim       refused: not-ready
    pending deadline=5        claim at=5  refused: not-ready
    pending deadline=5        claim at=4  running
  `);
});

test("claim keeps a job from the workers it failed on, unless waived [GL-43]", () => {
  expectMoves(`
    pending n=2 avoid=a,b  claim worker=a             refused: avoided
    pending n=2 avoid=a,b  claim worker=b             refused: avoided
    pending n=2 avoid=a,b  claim worker=c             running n=3 worker=c avoid=a,b
    pending n=2 avoid=a,b  claim worker=a waived=yes  running n=3 worker=a avoid=a,b
  `);
});

test("fail charges the job and waits twice as long each time [GL-27] [GL-44] [GL-45]", () => {
  const table = `
    running            fail  pending failures=1 penalty=1 ready=5000 avoid=a crashes=0 held=no
    running failures=1 penalty=1  fail  pending failures=2 penalty=2 ready=10000
    running failures=2 penalty=2  fail  pending failures=3 penalty=3 ready=20000
    running failures=6 penalty=6  fail  pending failures=7 penalty=7 ready=320000
    running failures=7 penalty=7  fail  pending failures=8 ready=600000  (the bound)
    running failures=98           fail  pending failures=99 ready=600000
    running            fail chance=0         pending ready=2500
    running            fail chance=0.999999  pending ready=7500
    running failures=90  fail chance=0       pending ready=300000
    running failures=90  fail chance=0.999999  pending ready=899999
  `;
  expectMoves(table, { maxAttempts: 100 });
});

test("fail ends a job whose charged failures are used up", () => {
  expectMoves(`
    running failures=1        fail          pending failures=2
    running failures=2 n=9    fail info=oh  failed reason=exhausted failures=3 info=oh n=9 from=a
    running failures=2        time-out      failed reason=timeout failures=3 event=timed_out
    running failures=0 max=1  fail          failed reason=exhausted failures=1
    running failures=3 max=5  fail          pending failures=4
    running failures=4 max=5  fail          failed reason=exhausted failures=5
    running                   fail retryable=no  failed reason=error failures=1 penalty=1 avoid=a
  `);
});

test("transition() remembers the last eight workers a job failed on, newest last, each once", () => {
  expectMoves(
    `
    running worker=b avoid=a                fail      pending avoid=a,b
    running worker=a avoid=a,b              fail      pending avoid=b,a
    running worker=a avoid=a,b              time-out  pending avoid=b,a
    running worker=c avoid=a,b              lose      pending avoid=a,b,c
    running worker=i avoid=a,b,c,d,e,f,g,h  fail      pending avoid=b,c,d,e,f,g,h,i
    running worker=d avoid=a,b,c,d,e,f,g,h  fail      pending avoid=a,b,c,e,f,g,h,d
  `,
    { maxAttempts: 100, maxCrashes: 100 },
  );
});

test("time-out names the limit of the job before that of its type", () => {
  expectMoves(`
    running timeout=1500  time-out  pending ready=5000 penalty=1 avoid=a
  `);
  const move = transition(
    aJob("running", { options: { ...aJob("running").options, timeoutMs: 1_500 } }),
    { do: "time-out", at: now, attempt: 1, chance: 0 },
    aType({ timeoutMs: 60_000 }),
  );
  expect(move).toMatchObject({
    job: { info: "The attempt ran longer than its limit of 1.5 s." },
  });
});

test("time-out asserts that there is a limit to exceed", () => {
  const step = { do: "time-out", at: now, attempt: 1, chance: 0 } as const;
  expect(() => transition(aJob("running"), step, aType({ timeoutMs: null }))).toThrow(/assertion/);
});

test("transition() asserts that a job is judged by its own type", () => {
  const step = { do: "hold", at: now } as const;
  expect(() => transition(aJob("pending"), step, aType({ name: "other" }))).toThrow(/own type/);
});

test("lose counts a crash and gives the job out again at once [GL-32]", () => {
  expectMoves(`
    running              lose info=gone  pending crashes=1 failures=0 penalty=0 ready=0 avoid=a info=gone
    running crashes=1    lose            pending crashes=2
    running failures=2 penalty=2  lose   pending failures=2 penalty=2 crashes=1
  `);
});

test("lose ends a job that took down workers on two machines, or on the only one there is", () => {
  expectMoves(`
    running crashes=2 avoid=b worker=a  lose elsewhere=yes  failed reason=crashes crashes=3 avoid=b,a
    running crashes=2 avoid=b worker=a  lose elsewhere=no   failed reason=crashes
    running crashes=2 avoid=a worker=a  lose elsewhere=yes  pending crashes=3  (another may manage)
    running crashes=3 avoid=a worker=b  lose elsewhere=yes  failed reason=crashes crashes=4
    running crashes=2 avoid=a worker=a  lose elsewhere=no   failed reason=crashes avoid=a
    running crashes=1 avoid=b worker=a  lose elsewhere=no   pending crashes=2
  `);
});

test("lose, return and release charge nothing when it was not the job's doing", () => {
  expectMoves(`
    running crashes=2 failures=2 avoid=b  lose charged=no info=w  pending crashes=2 failures=2 avoid=b ready=0 info=w event=lost
    running crashes=2 failures=2 avoid=b  return info=w           pending crashes=2 failures=2 avoid=b ready=0 info=w
    running crashes=2 failures=2 avoid=b  release info=w          pending crashes=2 failures=2 avoid=b ready=0 info=w
  `);
});

test("transition() takes news of an attempt that is not the open one for late", () => {
  expectMoves(`
    running n=3  fail attempt=2      refused: not-open
    running n=3  fail attempt=4      refused: not-open
    running n=3  time-out attempt=2  refused: not-open
    running n=3  lose attempt=2      refused: not-open
    running n=3  lose attempt=0      refused: not-open
    running n=3  return attempt=1    refused: not-open
    running n=3  release attempt=1   refused: not-open
    pending n=3  fail attempt=3      refused: not-open
  `);
});

test("complete takes the first valid result, however late", () => {
  expectMoves(`
    running n=3            complete attempt=3  done by=3 about=3 from=a n=3
    running n=3            complete attempt=1  done by=1 about=1 from=none n=3  (the open one is superseded)
    pending n=3            complete attempt=3  done by=3 from=a
    pending n=3            complete attempt=2  done by=2
    pending n=1 ready=999  complete            done by=1  (while it waits for its next try)
    pending n=1 held=yes   complete            done by=1
    pending n=1 deadline=-1  complete          done by=1
  `);
});

test("complete tells a late or doubled result from a wanted one", () => {
  expectMoves(`
    done by=2 n=3 result=r   complete attempt=2 result=r  refused: committed
    done by=2 n=3 result=r   complete attempt=2 result=s  refused: conflict
    done by=2 n=3 result=r   complete attempt=3 result=r  refused: superseded
    done by=2 n=3 result=r   complete attempt=1 result=s  refused: superseded
    failed n=2               complete attempt=2           refused: abandon
    cancelled n=2            complete attempt=1           refused: abandon
    running n=2              complete attempt=3           refused: abandon
    running n=2              complete attempt=0           refused: abandon
    running n=2              complete attempt=-1          refused: abandon
  `);
});

test("complete abandons results older than a retry", () => {
  expectMoves(`
    pending n=2 retried=2  complete attempt=2           refused: abandon
    running n=3 retried=2  complete attempt=2           refused: abandon
    running n=3 retried=2  complete attempt=1           refused: abandon
    running n=4 retried=2  complete attempt=3           done by=3
    done by=3 n=3 retried=2  complete attempt=2         refused: abandon
    done by=3 n=3 retried=2  complete attempt=1 result=s  refused: abandon
  `);
});

test("retry gives a failed or cancelled job a new life", () => {
  expectMoves(`
    failed n=4 failures=3 penalty=3 crashes=2 avoid=a,b  retry  pending n=4 failures=0 penalty=0 crashes=0 avoid=none retried=4 ready=0 info=none
    cancelled n=0   retry  pending n=0 retried=0
    cancelled n=5 retried=3 info=x  retry  pending retried=5 info=none about=none from=none
  `);
});

test("hold keeps the time a job waits for, and unhold gives it back", () => {
  expectMoves(`
    pending ready=500 info=x         hold    pending held=yes ready=500 info=x about=none
    pending held=yes                 hold    refused: not-due
    pending held=yes ready=500 info=x  unhold  pending held=no ready=500 info=x event=unheld
    pending                          unhold  refused: not-due
    pending held=yes                 cancel  cancelled held=no
    pending held=yes deadline=-1     expire  failed reason=expired
  `);
});

test("expire waits for the deadline", () => {
  expectMoves(`
    pending               expire       refused: not-due
    pending deadline=1    expire       refused: not-due
    pending deadline=1    expire at=1  failed reason=expired failures=0
    pending deadline=1 n=2 avoid=a failures=1  expire at=2  failed n=2 avoid=a failures=1 about=none
  `);
});

test("damage charges nobody and keeps the reason in words", () => {
  expectMoves(`
    running n=2 failures=1 avoid=b  damage info=gone  failed reason=payload_damaged failures=1 avoid=b info=gone about=2 from=a
    pending failures=1              damage info=gone  failed failures=1 info=gone about=none
  `);
});

test("reopen takes a loss back while nobody else was given the job", () => {
  expectMoves(`
    pending n=2 crashes=1 avoid=b,a worker=a info=gone  reopen  running n=2 worker=a crashes=0 avoid=b info=none event=reopened about=2 from=a
    pending n=1 worker=a                      reopen  running n=1 crashes=0 avoid=none  (it was not charged)
    pending n=1 crashes=2 avoid=a,b worker=a  reopen  running crashes=2 avoid=a,b  (the last one was lost elsewhere)
    pending n=1 failures=1 penalty=1 avoid=a crashes=1  reopen  running failures=1 penalty=1 crashes=0
    pending n=3                  reopen attempt=2  refused: abandon  (another was given the job since)
    pending n=2                  reopen attempt=3  refused: abandon
    pending n=2 retried=2        reopen            refused: abandon
    pending n=3 retried=2        reopen            running n=3
    pending n=1 ready=500        reopen            refused: not-ready  (it failed, and waits for its next try)
    pending n=1 held=yes         reopen            refused: not-ready
    pending n=1 deadline=-1      reopen            refused: not-ready
    pending n=1 deadline=1       reopen            running
    running n=2                  reopen attempt=1  refused: not-pending
  `);
});
