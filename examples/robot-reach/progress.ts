// Shows how far a long step is: a bar that moves on a terminal, a line now and then elsewhere.

export type Progress = { advance(): void; finish(): void };

const barWidth = 30;
const terminalMs = 100;
const plainMs = 3_000;

/** Writes to standard error: standard output is for results. */
export function startProgress(title: string, total: number): Progress {
  const isTerminal = process.stderr.isTTY;
  const startedAt = performance.now();
  let done = 0;
  let shownAt = startedAt;
  const show = () => {
    shownAt = performance.now();
    const seconds = (shownAt - startedAt) / 1000;
    const rate = done / Math.max(seconds, 0.001);
    const left = done === 0 ? "…" : `${Math.ceil((total - done) / rate)} s left`;
    const share = total === 0 ? 1 : done / total;
    const filled = Math.round(share * barWidth);
    const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
    const figures = `${Math.floor(share * 100)}%  ${done}/${total}  ${Math.round(rate)}/s  ${left}`;
    const line = isTerminal ? `\r${title}  ${bar}  ${figures}\x1b[K` : `${title}  ${figures}\n`;
    process.stderr.write(line);
  };
  return {
    advance() {
      done++;
      if (performance.now() - shownAt >= (isTerminal ? terminalMs : plainMs)) show();
    },
    finish() {
      if (!isTerminal) return;
      show();
      process.stderr.write("\n");
    },
  };
}
