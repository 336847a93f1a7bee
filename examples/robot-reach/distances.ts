// Distances between segments and the shapes of a scene. Exact but for rounding; no iteration.

import { add, distance, dot, scale, subtract, type Vector } from "./vectors.ts";

export type Segment = { readonly from: Vector; readonly to: Vector };

/** An axis-aligned box. */
export type Bounds = { readonly low: Vector; readonly high: Vector };

const clampToUnit = (value: number): number => Math.min(Math.max(value, 0), 1);

const pointOn = ({ from, to }: Segment, share: number): Vector =>
  add(from, scale(subtract(to, from), share));

export function pointToSegment(point: Vector, segment: Segment): number {
  const along = subtract(segment.to, segment.from);
  const squared = dot(along, along);
  const share = squared === 0 ? 0 : dot(subtract(point, segment.from), along) / squared;
  return distance(point, pointOn(segment, clampToUnit(share)));
}

/** The nearest points of two segments: clamp one, answer with the other, clamp that, answer back. */
export function segmentToSegment(first: Segment, second: Segment): number {
  const u = subtract(first.to, first.from);
  const v = subtract(second.to, second.from);
  const between = subtract(first.from, second.from);
  const [uu, uv, vv] = [dot(u, u), dot(u, v), dot(v, v)];
  const [ub, vb] = [dot(u, between), dot(v, between)];
  if (uu === 0) return pointToSegment(first.from, second);
  if (vv === 0) return pointToSegment(second.from, first);

  const determinant = uu * vv - uv * uv; // 0 where they are parallel: then any start will do.
  let onFirst = determinant > 0 ? clampToUnit((uv * vb - ub * vv) / determinant) : 0;
  const onSecond = clampToUnit((uv * onFirst + vb) / vv);
  onFirst = clampToUnit((uv * onSecond - ub) / uu);
  return distance(pointOn(first, onFirst), pointOn(second, onSecond));
}

/**
 * The squared distance to a box is convex along a segment, and its slope is made of straight pieces
 * that meet where the segment crosses a plane of the box. So the piece in which the slope changes
 * its sign has the minimum.
 */
export function segmentToBounds(segment: Segment, { low, high }: Bounds): number {
  const { from, to } = segment;
  const along = subtract(to, from);
  const slopeAt = (share: number): number => {
    let slope = 0;
    for (let axis = 0; axis < 3; axis++) {
      const at = from[axis]! + share * along[axis]!;
      const outside = Math.max(at - high[axis]!, 0) - Math.max(low[axis]! - at, 0);
      slope += outside * along[axis]!;
    }
    return slope;
  };

  let [before, slopeBefore] = [0, slopeAt(0)];
  if (slopeBefore >= 0) return pointToBounds(from, low, high);
  for (const share of [...crossings(segment, low, high), 1]) {
    const slope = slopeAt(share);
    if (slope >= 0) {
      const rise = slope - slopeBefore;
      const best = rise > 0 ? before - (slopeBefore * (share - before)) / rise : share;
      return pointToBounds(pointOn(segment, best), low, high);
    }
    [before, slopeBefore] = [share, slope];
  }
  return pointToBounds(to, low, high);
}

function crossings({ from, to }: Segment, low: Vector, high: Vector): readonly number[] {
  const shares: number[] = [];
  for (let axis = 0; axis < 3; axis++) {
    const along = to[axis]! - from[axis]!;
    if (along === 0) continue;
    for (const plane of [low[axis]!, high[axis]!]) {
      const share = (plane - from[axis]!) / along;
      if (share > 0 && share < 1) shares.push(share);
    }
  }
  return shares.sort((a, b) => a - b);
}

function pointToBounds(point: Vector, low: Vector, high: Vector): number {
  let squared = 0;
  for (let axis = 0; axis < 3; axis++) {
    const outside = Math.max(low[axis]! - point[axis]!, 0, point[axis]! - high[axis]!);
    squared += outside * outside;
  }
  return Math.sqrt(squared);
}
