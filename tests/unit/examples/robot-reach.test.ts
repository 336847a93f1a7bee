// The maths of the robot example: against published values, against brute force, against itself
// backwards, and against the same maths in Python.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { boxDistance, isFree, linkCapsules } from "../../../examples/robot-reach/collision.ts";
import {
  pointToSegment,
  segmentToSegment,
  type Segment,
} from "../../../examples/robot-reach/distances.ts";
import {
  decodeCell,
  decodeCounts,
  decodeSamples,
  encodeCell,
  encodeCounts,
  encodeSamples,
} from "../../../examples/robot-reach/formats.ts";
import { cellCountOf, cellIndex, cellsOf, gridOf } from "../../../examples/robot-reach/grid.ts";
import { flangeOf, inverse, type Joints } from "../../../examples/robot-reach/kinematics.ts";
import { parseOptions } from "../../../examples/robot-reach/options.ts";
import { pythonCommand } from "../../../examples/robot-reach/processes.ts";
import { loadScene, parseScene, type Box } from "../../../examples/robot-reach/scene.ts";
import { countFree, sampleCell, stages } from "../../../examples/robot-reach/stages.ts";
import {
  add,
  distance,
  originOf,
  scale,
  subtract,
  type Vector,
} from "../../../examples/robot-reach/vectors.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const scene = loadScene();
const anyTurn = Array.from({ length: 6 }, () => [-2 * Math.PI, 2 * Math.PI] as const);
const python = pythonCommand() ?? "";

function chance(seed: number) {
  const { fraction } = createSeededRandom(seed);
  const between = (low: number, high: number) => low + (high - low) * fraction();
  return {
    between,
    vector: (): Vector => [between(-1, 1), between(-1, 1), between(-1, 1)],
    joints: () => Array.from({ length: 6 }, () => between(-Math.PI, Math.PI)) as unknown as Joints,
  };
}

const degrees = (...angles: number[]) =>
  angles.map((a) => (a * Math.PI) / 180) as unknown as Joints;

const isSameTurn = (a: number, b: number) => Math.abs(Math.sin((a - b) / 2)) < 1e-6;

describe("kinematics", () => {
  test("flangeOf() gives the published places of a UR5's flange", () => {
    const published: readonly (readonly [Joints, Vector])[] = [
      [degrees(0, 0, 0, 0, 0, 0), [-0.81725, -0.19145, -0.005491]],
      [degrees(0, -90, 0, -90, 0, 0), [0, -0.19145, 1.001059]],
      [degrees(90, -90, 0, -90, 0, 0), [0.19145, 0, 1.001059]],
    ];
    for (const [joints, place] of published) {
      const flange = originOf(flangeOf(joints));
      for (const axis of [0, 1, 2] as const) expect(flange[axis]).toBeCloseTo(place[axis], 9);
    }
  });

  test("inverse() finds the joints again that put the flange where it is", () => {
    const { joints: draw } = chance(1);
    let eightCount = 0;
    for (let round = 0; round < 500; round++) {
      const joints = draw();
      const flange = flangeOf(joints);
      const solutions = inverse(flange, anyTurn);
      const found = solutions.some((s) =>
        s.every((angle, axis) => isSameTurn(angle, joints[axis]!)),
      );
      expect(found).toBe(true);
      expect(solutions.length).toBeLessThanOrEqual(8);
      for (const solution of solutions) {
        const error = flangeOf(solution).map((value, index) => Math.abs(value - flange[index]!));
        expect(Math.max(...error)).toBeLessThan(1e-6);
      }
      if (solutions.length === 8) eightCount++;
    }
    expect(eightCount).toBeGreaterThan(100);
  });

  test("inverse() finds no joints for a flange out of reach", () => {
    const [, ...rest] = flangeOf(degrees(0, 0, 0, 0, 0, 0));
    expect(inverse([1, ...rest].with(3, 2), anyTurn)).toEqual([]);
  });

  test("inverse() keeps to the limits and turns angles into them", () => {
    const joints = degrees(10, -100, 80, -70, -90, 20);
    const only = (index: number, low: number, high: number) =>
      anyTurn.with(index, degrees(low, high) as unknown as readonly [number, number]);
    const down = inverse(flangeOf(joints), only(0, -360, -340));
    expect(down.length).toBeGreaterThan(0);
    for (const [first] of down) expect(first).toBeCloseTo(degrees(-350)[0], 6);
    expect(inverse(flangeOf(joints), only(2, 170, 180))).toEqual([]);
  });
});

describe("distances", () => {
  /** The smallest of many: never below the true distance, and above it by at most the spacing. */
  const steps = 400;
  const pointsOf = ({ from, to }: Segment) =>
    Array.from({ length: steps + 1 }, (_, n) => add(from, scale(subtract(to, from), n / steps)));
  const expectNearest = (answer: number, byForce: number, spacing: number) => {
    expect(answer).toBeLessThanOrEqual(byForce + 1e-12);
    expect(answer).toBeGreaterThanOrEqual(byForce - spacing);
  };
  const lengthOf = ({ from, to }: Segment) => distance(from, to);

  test("segmentToSegment() is the smallest distance of any two of their points", () => {
    const { vector } = chance(2);
    for (let round = 0; round < 30; round++) {
      const [a, b] = [
        { from: vector(), to: vector() },
        { from: vector(), to: vector() },
      ];
      const others = pointsOf(b);
      const byForce = Math.min(
        ...pointsOf(a).map((point) => Math.min(...others.map((other) => distance(point, other)))),
      );
      expectNearest(segmentToSegment(a, b), byForce, (lengthOf(a) + lengthOf(b)) / steps);
      expect(segmentToSegment(b, a)).toBeCloseTo(segmentToSegment(a, b), 9);
    }
  });

  test("segmentToSegment() takes parallel, crossing and pointlike segments", () => {
    const x: Segment = { from: [0, 0, 0], to: [2, 0, 0] };
    expect(segmentToSegment(x, { from: [1, 1, 0], to: [5, 1, 0] })).toBeCloseTo(1, 12);
    expect(segmentToSegment(x, { from: [5, 0, 0], to: [3, 0, 0] })).toBeCloseTo(1, 12);
    expect(segmentToSegment(x, { from: [1, -1, 0], to: [1, 1, 0] })).toBe(0);
    expect(segmentToSegment(x, { from: [1, 3, 0], to: [1, 3, 0] })).toBeCloseTo(3, 12);
    const point: Segment = { from: [0, 0, 4], to: [0, 0, 4] };
    expect(segmentToSegment(point, { from: [3, 0, 0], to: [3, 0, 0] })).toBeCloseTo(5, 12);
  });

  test("pointToSegment() and boxDistance() are the smallest distance of any point", () => {
    const { vector, between } = chance(3);
    for (let round = 0; round < 300; round++) {
      const segment = { from: scale(vector(), 2), to: scale(vector(), 2) };
      const points = pointsOf(segment);
      const other = vector();
      const spacing = lengthOf(segment) / steps;
      const toPoint = Math.min(...points.map((point) => distance(point, other)));
      expectNearest(pointToSegment(other, segment), toPoint, spacing);

      const size: Vector = [between(0.1, 1), between(0.1, 1), between(0.1, 1)];
      const box: Box = { name: "any", center: vector(), size, yaw: between(-3, 3) };
      const toBox = Math.min(...points.map((point) => pointToBox(point, box)));
      expectNearest(boxDistance(segment, box), toBox, spacing);
    }
  });

  /** Written in another way than the code under test: by the box's own axes. */
  function pointToBox(point: Vector, { center, size, yaw }: Box): number {
    const away = subtract(point, center);
    const axes: readonly Vector[] = [
      [Math.cos(yaw), Math.sin(yaw), 0],
      [-Math.sin(yaw), Math.cos(yaw), 0],
      [0, 0, 1],
    ];
    const inside = axes.map((axis, index) => {
      const along = away[0] * axis[0] + away[1] * axis[1] + away[2] * axis[2];
      return Math.min(Math.max(along, -size[index]! / 2), size[index]! / 2);
    });
    const nearest = axes.reduce(
      (sum, axis, index) => add(sum, scale(axis, inside[index]!)),
      center,
    );
    return distance(point, nearest);
  }
});

describe("collision", () => {
  const bare = { ...scene, boxes: [], spheres: [], capsules: [] };
  const upright = degrees(0, -90, 0, -90, 0, 0);

  test("isFree() lets an upright arm stand, and no arm lie in the table", () => {
    expect(isFree(upright, bare)).toBe(true);
    expect(isFree(degrees(0, 20, 0, -90, 0, 0), bare)).toBe(false);
  });

  test("isFree() sees an arm that is folded onto itself", () => {
    // The tool stands in the upper arm, well above the table.
    expect(isFree(degrees(0, -90, 150, 90, 90, 0), bare)).toBe(false);
    expect(isFree(degrees(0, -90, 150, 180, 90, 0), bare)).toBe(true);
  });

  test("isFree() sees every kind of obstacle at every link", () => {
    for (const link of linkCapsules(upright, scene.tool).slice(1)) {
      const center = scale(add(link.from, link.to), 0.5);
      const yaw = 0.3;
      const box = { name: "box", center, size: [0.02, 0.02, 0.02] as Vector, yaw };
      const ball = { name: "ball", center, radius: 0.01 };
      const rod = { name: "rod", from: center, to: center, radius: 0.01 };
      expect(isFree(upright, { ...bare, boxes: [box] })).toBe(false);
      expect(isFree(upright, { ...bare, spheres: [ball] })).toBe(false);
      expect(isFree(upright, { ...bare, capsules: [rod] })).toBe(false);
    }
  });

  test("isFree() keeps the clearance that the scene asks for", () => {
    const tool = linkCapsules(upright, scene.tool).at(-1)!;
    const ballAt = (gap: number) => {
      const radius = 0.05;
      const aside: Vector = [tool.radius + radius + gap, 0, 0];
      return { name: "ball", center: add(tool.to, aside), radius };
    };
    expect(isFree(upright, { ...bare, spheres: [ballAt(scene.clearance + 1e-6)] })).toBe(true);
    expect(isFree(upright, { ...bare, spheres: [ballAt(scene.clearance - 1e-6)] })).toBe(false);
  });

  test("parseScene() says which entry of a scene is wrong", () => {
    const arm = {
      joint_limits_degrees: Array.from({ length: 6 }, () => [-180, 180]),
      tool: { length: 0.1, radius: 0.03 },
      clearance: 0.01,
    };
    expect(parseScene({ arm }).boxes).toEqual([]);
    const spheres = [{ name: "ball", center: [0, 0], radius: 1 }];
    expect(() => parseScene({ arm, spheres })).toThrow("spheres[0].center must be 3 numbers");
    expect(() => parseScene({ arm: { ...arm, clearance: -1 } })).toThrow("arm.clearance");
  });
});

describe("formats", () => {
  const cell = {
    cell: 7,
    low: [0.3, -0.1, 0.2],
    high: [0.5, 0.1, 0.4],
    poses: 20,
    seed: 9,
  } as const;

  test("samples and counts are read back as they were written", () => {
    const samples = sampleCell(cell, scene);
    expect(samples.reached.length).toBeGreaterThan(5);
    const bytes = encodeSamples(samples);
    const read = decodeSamples(bytes);
    expect(encodeSamples(read)).toEqual(bytes);
    expect(read.reached.map(({ solutions }) => solutions.length)).toEqual(
      samples.reached.map(({ solutions }) => solutions.length),
    );
    expect(read.reached[0]!.solutions[0]![0]).toBeCloseTo(samples.reached[0]!.solutions[0]![0], 6);
    const counts = countFree(read, scene);
    expect(decodeCounts(new TextEncoder().encode(encodeCounts(counts)))).toEqual(counts);
    expect(decodeCell(new TextEncoder().encode(encodeCell(cell)))).toEqual(cell);
  });

  test("sampleCell() draws the same poses for the same seed, all of them in the cell", () => {
    const first = sampleCell(cell, scene);
    expect(sampleCell(cell, scene)).toEqual(first);
    expect(sampleCell({ ...cell, seed: 10 }, scene)).not.toEqual(first);
    for (const { pose } of first.reached) {
      for (const axis of [0, 1, 2] as const) {
        expect(pose[axis]).toBeGreaterThanOrEqual(cell.low[axis]);
        expect(pose[axis]).toBeLessThanOrEqual(cell.high[axis]);
      }
    }
  });

  test("damaged bytes are refused and never read beyond their end", () => {
    const bytes = encodeSamples(sampleCell(cell, scene));
    expect(() => decodeSamples(bytes.subarray(0, bytes.length - 4))).toThrow();
    expect(() => decodeSamples(new Uint8Array([...bytes, 0, 0, 0, 0]))).toThrow("4 bytes follow");
    expect(() => decodeSamples(bytes.with(0, 0))).toThrow("do not begin with RRS1");
    expect(() => decodeSamples(bytes.with(15, 255))).toThrow("cannot hold");
    expect(() => decodeCell(new TextEncoder().encode('{"cell":1}'))).toThrow("A cell needs");
  });

  test("a grid's cells fill the workspace without gaps and have seeds of their own", () => {
    const grid = gridOf(200);
    const cells = cellsOf(grid, 5, 1);
    expect(cells.length).toBe(cellCountOf(grid));
    expect(new Set(cells.map(({ seed }) => seed)).size).toBe(cells.length);
    expect(cells[0]!.low).toEqual([-1, -1, 0]);
    expect(cells[cellIndex(grid, 0, 0, 1)]!.low[2]).toBe(cells[0]!.high[2]);
    expect(cells[cellIndex(grid, 3, 2, 1)]!.high[0]).toBe(cells[cellIndex(grid, 4, 2, 1)]!.low[0]);
    expect(cells.at(-1)!.high[0]).toBe(1);
  });

  test("parseOptions() knows the sizes, and refuses what is no number", () => {
    const quick = parseOptions(["--quick", "--poses", "3"]);
    expect(quick).toMatchObject({ cells: 200, poses: 3, isPlugPulled: false });
    expect(() => parseOptions(["--cells", "many"])).toThrow("--cells must be a whole number");
    expect(() => parseOptions(["--cell", "3"])).toThrow("--cell");
  });
});

describe.skipIf(python === "")("reach.py", () => {
  test("collide() counts what the TypeScript stage counts, byte for byte", async () => {
    const cells = cellsOf(gridOf(1_000), 3, 5).filter(({ cell }) => cell % 5 === 0);
    const encoder = new TextEncoder();
    const samples = cells.map((cell) => stages["sample"]!(encoder.encode(encodeCell(cell)), scene));
    const folder = join(import.meta.dir, "../../../examples/robot-reach");
    const script = `
import sys
from reach import collide, load_scene
scene = load_scene("scene.json")
while head := sys.stdin.buffer.read(4):
    payload = sys.stdin.buffer.read(int.from_bytes(head, "little"))
    print(collide(payload, scene).decode())
`;
    const framed = samples.flatMap((bytes) => [new Uint32Array([bytes.length]), bytes]);
    const run = Bun.spawn([python, "-B", "-c", script], {
      cwd: folder,
      stdin: new Blob(framed),
      stderr: "inherit",
    });
    const answers = (await run.stdout.text()).trimEnd().split("\n");
    const decoder = new TextDecoder();
    const expected = samples.map((bytes) => decoder.decode(stages["collide"]!(bytes, scene)));
    expect(answers).toEqual(expected);
    const counts = expected.map((text) => decodeCounts(encoder.encode(text)));
    const freeCount = counts.reduce((sum, { free }) => sum + free, 0);
    const reachableCount = counts.reduce((sum, { reachable }) => sum + reachable, 0);
    expect(freeCount).toBeGreaterThan(50);
    expect(reachableCount).toBeGreaterThan(freeCount);
  }, 30_000);
});
