// `gridlike top`: the grid as it is, drawn on the whole terminal about once a second until somebody has seen enough;
// one plain picture of it everywhere else.

import { createSystemClock, type Clock } from "../../platform/clock.ts";
import { isDrawable, openScreen } from "../../platform/screen.ts";
import { terminalColumns } from "../../platform/terminal.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { progressRestFactor } from "../limits.ts";
import { paint, printJson, writeLines } from "../output.ts";
import { topFailureCountFirst, topMs, topSilentMs } from "./limits.ts";
import { isAway, lookAt } from "./look-at.ts";
import { createNews, type News } from "./news.ts";
import { renderTop } from "./render.ts";
import { toTopJson, type TopState } from "./state.ts";

export type TopOptions = { readonly isOnce: boolean; readonly isJson: boolean };

export async function top(flags: ServerFlags, options: TopOptions): Promise<void> {
  await useServer(flags, async (grid) => {
    const clock = createSystemClock();
    const news = createNews();
    // Before anything is drawn, so that a server that is not there is told of as by every command.
    await news.lookUp(grid);
    const first = await lookAt(grid, news, clock);
    if (options.isJson) printJson(toTopJson(first));
    else if (options.isOnce || !isDrawable()) await writeLines(picture(first));
    else return watch(grid, { first, news, clock });
    return exitCode.ok;
  });
}

/** As wide as the terminal; a file has no width. */
function picture(state: TopState): readonly string[] {
  const failures = state.failures.slice(0, topFailureCountFirst);
  const size = { columns: terminalColumns("stdout") ?? fileColumns, rows: null };
  return renderTop({ ...state, failures }, size, paint);
}

const fileColumns = 120;

/** On a screen it comes as a key. */
const controlC = "\u0003";

type Watch = { readonly first: TopState; readonly news: News; readonly clock: Clock };

/** Draws until a key or a signal ends it. */
async function watch(grid: Grid, { first, news, clock }: Watch): Promise<number> {
  const over = new AbortController();
  const signal = AbortSignal.any([grid.signal, over.signal]);
  const ended = Promise.withResolvers<number>();
  let state = first;
  let heardMs = clock.monotonicMs();
  const draw = () => {
    const silent = clock.monotonicMs() - heardMs;
    const silentMs = silent < topSilentMs ? null : silent;
    const { columns, rows } = screen.size();
    // The last column stays free: many terminals break the line when it is written to.
    const size = { columns: columns - 1, rows };
    return screen.draw(renderTop({ ...state, nowMs: clock.now(), silentMs }, size, paint));
  };
  const screen = openScreen({
    onKeys: (keys) => {
      if (keys.includes(controlC)) ended.resolve(exitCode.interrupted);
      else if (/q/i.test(keys)) ended.resolve(exitCode.ok);
    },
    onResize: () => void draw().catch(ended.reject),
    onEnd: () => ended.resolve(exitCode.ok),
  });
  const drawing = async () => {
    for (;;) {
      await draw();
      await clock.sleep(topMs, signal);
      signal.throwIfAborted();
    }
  };
  const looking = async () => {
    for (;;) {
      const beganMs = clock.monotonicMs();
      const seen = await lookAt({ ...grid, signal }, news, clock).catch(nullWhenAway);
      if (seen !== null) {
        state = seen;
        heardMs = clock.monotonicMs();
      }
      const tookMs = clock.monotonicMs() - beganMs;
      await clock.sleep(Math.max(topMs, tookMs * progressRestFactor), signal);
      signal.throwIfAborted();
    }
  };
  const following = async () => {
    for (;;) {
      await news.follow({ ...grid, signal }).catch(nullWhenAway);
      signal.throwIfAborted();
      await clock.sleep(topMs, signal);
      await news.lookUp({ ...grid, signal }).catch(nullWhenAway); // What was missed meanwhile.
    }
  };
  const tasks = [drawing(), looking(), following()];
  try {
    return await Promise.race([ended.promise, ...tasks]);
  } finally {
    over.abort(new Error("The overview has ended."));
    screen.close();
    await Promise.allSettled(tasks);
  }
}

/** A server that restarts comes back: the screen says how long it has been silent. All else ends the command. */
function nullWhenAway(error: unknown): null {
  if (isAway(error)) return null;
  throw error;
}
