// The picture's colours, and the scale from "no pose" to "every pose".

import type { Colour } from "./canvas.ts";

export const background: Colour = [16, 20, 30];
export const panel: Colour = [27, 32, 45];
export const ink: Colour = [236, 240, 247];
export const dim: Colour = [148, 158, 178];
export const alwaysCollides: Colour = [116, 44, 60];

const ramp: readonly Colour[] = [
  [42, 40, 98],
  [48, 84, 150],
  [34, 140, 152],
  [84, 188, 112],
  [204, 218, 70],
  [255, 246, 168],
];

/** `share` is from 0 to 1. */
export function rampAt(share: number): Colour {
  const place = Math.min(Math.max(share, 0), 1) * (ramp.length - 1);
  const [low, high] = [ramp[Math.floor(place)]!, ramp[Math.ceil(place)]!];
  const mix = (channel: 0 | 1 | 2) => low[channel] + (high[channel] - low[channel]) * (place % 1);
  return [mix(0), mix(1), mix(2)];
}
