// The picture of the result: the workspace from above and from the side, four level cuts, a legend.

import { createCanvas, type Canvas, type Colour, type Point } from "./canvas.ts";
import type { Grid } from "./grid.ts";
import { drawMap, titleHeight, type Analysis } from "./map.ts";
import { alwaysCollides, background, dim, ink, panel, rampAt } from "./palette.ts";
import { encodePng } from "./png.ts";

const margin = 48;
/** Room for the numbers of a vertical axis. */
const axisWidth = 36;
/** Room for the numbers and the name of a horizontal axis. */
const axisHeight = 60;
const headHeight = 116;
const fullMapWidth = 576;
const gap = 88;
const smallGap = 30;
const width = 2 * margin + 2 * axisWidth + 2 * fullMapWidth + gap - axisWidth;
const cutShares = [0.12, 0.37, 0.62, 0.8] as const;

/** A PNG file. `summary` is the line of numbers under the title. */
export function drawPicture(analysis: Analysis, summary: string): Uint8Array {
  const { counts, edge } = analysis.grid;
  const cellSize = Math.max(1, Math.floor(fullMapWidth / counts[0]));
  const left = margin + axisWidth;
  const top = headHeight + titleHeight;
  const right = left + fullMapWidth + gap;
  const levels = cutLevels(analysis.grid);
  const cutWidthMax = (width - margin - left - 3 * smallGap) / 4;
  const cutCellSize = Math.max(1, Math.floor(cutWidthMax / counts[0]));
  const cutStep = (width - margin - left - cutCellSize * counts[0]) / 3;
  const cutTop = top + cellSize * counts[1] + axisHeight + 24 + titleHeight;
  const height = cutTop + cutCellSize * counts[1] + 34 + margin;

  const canvas = createCanvas(width, height, background);
  canvas.text("Where a UR5 arm reaches without collision", [left, margin - 12], 4, { colour: ink });
  canvas.text(summary, [left, margin + 34], 2, { colour: dim });

  const full = { across: 0, depth: [-Infinity, Infinity], cellSize, kind: "full" } as const;
  drawMap(canvas, analysis, {
    ...full,
    title: "From above: the mean over all heights",
    up: 1,
    corner: [left, top],
  });
  drawMap(canvas, analysis, {
    ...full,
    title: "From the side: the mean over all depths",
    up: 2,
    corner: [right, top],
  });
  drawLegend(canvas, [right, top + cellSize * counts[2] + axisHeight + 30]);

  for (const [index, level] of levels.entries()) {
    const [from, to] = [level * edge, (level + 1) * edge];
    drawMap(canvas, analysis, {
      title: `Cut at z = ${from.toFixed(2)} to ${to.toFixed(2)} m`,
      across: 0,
      up: 1,
      depth: [from, to],
      corner: [Math.round(left + index * cutStep), cutTop],
      cellSize: cutCellSize,
      kind: "small",
    });
  }
  return encodePng(width, height, canvas.pixels);
}

/** Layers of cells from near the table to near the top; fewer than four where the grid has fewer. */
function cutLevels({ counts }: Grid): readonly number[] {
  return [...new Set(cutShares.map((share) => Math.floor(share * counts[2])))];
}

function drawLegend(canvas: Canvas, [x, y]: Point): void {
  const [barTop, barHeight] = [y + titleHeight, 20];
  const title = "Tool poses taken without collision";
  canvas.text(title, [x, y], 2, { colour: ink });
  for (let column = 0; column < fullMapWidth; column++) {
    const colour = rampAt(column / fullMapWidth);
    canvas.rectangle([x + column, barTop], [1, barHeight], { colour });
  }
  for (const percent of [0, 25, 50, 75, 100]) {
    const at = x + Math.round((percent / 100) * (fullMapWidth - 1));
    canvas.rectangle([at, barTop + barHeight], [1, 5], { colour: dim });
    const where: Point = [at, barTop + barHeight + 10];
    canvas.text(`${percent}%`, where, 2, { colour: dim }, "center");
  }
  const kinds: readonly (readonly [Colour, string])[] = [
    [alwaysCollides, "within reach, but always in collision"],
    [panel, "out of reach"],
  ];
  for (const [index, [colour, words]] of kinds.entries()) {
    const at = barTop + barHeight + 44 + index * 28;
    canvas.rectangle([x, at], [32, 18], { colour: dim });
    canvas.rectangle([x + 1, at + 1], [30, 16], { colour });
    canvas.text(words, [x + 44, at + 2], 2, { colour: ink });
  }
}
