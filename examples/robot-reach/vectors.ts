// Vectors and rigid transforms, as little as the arm needs.

export type Vector = readonly [x: number, y: number, z: number];

/** A rotation and a translation, as three rows of four: the upper part of the usual 4 × 4 matrix. */
export type Transform = readonly number[];

export const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a: Vector, by: number): Vector => [a[0] * by, a[1] * by, a[2] * by];
export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const distance = (a: Vector, b: Vector): number => {
  const between = subtract(a, b);
  return Math.sqrt(dot(between, between));
};

export const identity: Transform = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

/** Column 0, 1 or 2 is an axis of the frame, column 3 its origin. */
export const column = (t: Transform, index: 0 | 1 | 2 | 3): Vector => [
  t[index]!,
  t[4 + index]!,
  t[8 + index]!,
];

export const originOf = (t: Transform): Vector => column(t, 3);

/** First `b`, then `a`. */
export function compose(a: Transform, b: Transform): Transform {
  const result: number[] = [];
  for (let row = 0; row < 12; row += 4) {
    const [x, y, z] = [a[row]!, a[row + 1]!, a[row + 2]!];
    result.push(
      x * b[0]! + y * b[4]! + z * b[8]!,
      x * b[1]! + y * b[5]! + z * b[9]!,
      x * b[2]! + y * b[6]! + z * b[10]!,
      x * b[3]! + y * b[7]! + z * b[11]! + a[row + 3]!,
    );
  }
  return result;
}

/** The transform back. A rotation's inverse is its transpose. */
export function invert(t: Transform): Transform {
  const origin = originOf(t);
  const rows = ([0, 1, 2] as const).map((index) => column(t, index));
  return rows.flatMap((axis) => [...axis, -dot(axis, origin)]);
}

/** `point`, given in the frame `t`, seen from outside. */
export const apply = (t: Transform, point: Vector): Vector => [
  t[0]! * point[0] + t[1]! * point[1] + t[2]! * point[2] + t[3]!,
  t[4]! * point[0] + t[5]! * point[1] + t[6]! * point[2] + t[7]!,
  t[8]! * point[0] + t[9]! * point[1] + t[10]! * point[2] + t[11]!,
];

/** The frame at `origin`, turned by a unit quaternion. */
export function fromQuaternion(
  origin: Vector,
  [x, y, z, w]: readonly [x: number, y: number, z: number, w: number],
): Transform {
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - z * w),
    2 * (x * z + y * w),
    origin[0],
    2 * (x * y + z * w),
    1 - 2 * (x * x + z * z),
    2 * (y * z - x * w),
    origin[1],
    2 * (x * z - y * w),
    2 * (y * z + x * w),
    1 - 2 * (x * x + y * y),
    origin[2],
  ];
}
