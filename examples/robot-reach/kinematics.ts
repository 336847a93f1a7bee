// The UR5 arm: where its frames stand for given joints, and which joints put its flange somewhere.
// The inverse is the closed form for arms whose joints 2, 3 and 4 are parallel, as first written
// down for the UR family by K. Hawkins (2013); each answer is checked by the forward direction.

import { apply, column, compose, identity, invert, originOf, type Transform } from "./vectors.ts";

/** Six angles in radians, from the base to the flange. */
export type Joints = readonly [number, number, number, number, number, number];

export type JointLimits = readonly (readonly [lowest: number, highest: number])[];

/** Denavit-Hartenberg parameters of the UR5 as its maker publishes them; metres and radians. */
export const ur5 = {
  d: [0.089159, 0, 0, 0.10915, 0.09465, 0.0823],
  a: [0, -0.425, -0.39225, 0, 0, 0],
  alpha: [Math.PI / 2, 0, 0, Math.PI / 2, -Math.PI / 2, 0],
} as const;

/** Largest difference of any matrix element that still counts as the wanted pose. */
const toleranceMax = 1e-6;
/** Below this sine of joint 5 the axes of joints 4 and 6 coincide and joint 6 is free. */
const alignedSineMax = 1e-9;

/** The frames behind each joint, from frame 1 to the flange, seen from the base. */
export function forward(joints: Joints): readonly Transform[] {
  const frames: Transform[] = [];
  let frame = identity;
  for (const [index, angle] of joints.entries()) {
    frame = compose(frame, jointTransform(index, angle));
    frames.push(frame);
  }
  return frames;
}

/** The flange for given joints. */
export const flangeOf = (joints: Joints): Transform => forward(joints)[5]!;

/** All joint solutions (at most eight) that put the flange at `flange` within `limits`. */
export function inverse(flange: Transform, limits: JointLimits): readonly Joints[] {
  const solutions: Joints[] = [];
  for (const first of shoulderAngles(flange)) {
    for (const fifth of wristAngles(flange, first)) {
      for (const joints of armAngles(flange, first, fifth)) {
        const fitted = fitInto(limits, joints);
        if (fitted !== null && isSamePose(flangeOf(fitted), flange)) solutions.push(fitted);
      }
    }
  }
  return solutions;
}

/** From frame `index` to the next: turn about z, along z, along x, turn about x. */
function jointTransform(index: number, angle: number): Transform {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [ca, sa] = [cosAlpha[index]!, sinAlpha[index]!];
  const [a, d] = [ur5.a[index]!, ur5.d[index]!];
  return [c, -s * ca, s * sa, a * c, s, c * ca, -c * sa, a * s, 0, sa, ca, d];
}

// Exact at right angles, where Math.cos(Math.PI / 2) is 6e-17.
const cosAlpha = ur5.alpha.map((alpha) => (alpha === 0 ? 1 : 0));
const sinAlpha = ur5.alpha.map((alpha) => Math.sign(alpha));

/** Joint 1: the wrist's centre lies beside the arm's plane at the distance d4, left or right. */
function shoulderAngles(flange: Transform): readonly number[] {
  const [x, y] = apply(flange, [0, 0, -ur5.d[5]]);
  const fromAxis = Math.hypot(x, y);
  if (fromAxis < ur5.d[3]) return [];
  const towards = Math.atan2(y, x) + Math.PI / 2;
  const aside = Math.acos(ur5.d[3] / fromAxis);
  return [towards + aside, towards - aside];
}

/** Joint 5: how far the flange stands out of the arm's plane, wrist up or down. */
function wristAngles(flange: Transform, first: number): readonly number[] {
  const [x, y] = originOf(flange);
  const cosine = (x * Math.sin(first) - y * Math.cos(first) - ur5.d[3]) / ur5.d[5];
  if (Math.abs(cosine) > 1) return [];
  const angle = Math.acos(cosine);
  return [angle, -angle];
}

/** Joint 6 from the flange's axes, then joints 2, 3 and 4 as a planar arm, elbow up or down. */
function armAngles(flange: Transform, first: number, fifth: number): readonly Joints[] {
  const [s1, c1, s5] = [Math.sin(first), Math.cos(first), Math.sin(fifth)];
  const [xAxis, yAxis] = [column(flange, 0), column(flange, 1)];
  const sixth =
    Math.abs(s5) < alignedSineMax
      ? 0
      : Math.atan2((yAxis[1] * c1 - yAxis[0] * s1) / s5, (xAxis[0] * s1 - xAxis[1] * c1) / s5);

  const behindFourth = compose(jointTransform(4, fifth), jointTransform(5, sixth));
  const fourthFrame = compose(
    compose(invert(jointTransform(0, first)), flange),
    invert(behindFourth),
  );
  const [x, y] = apply(fourthFrame, [0, -ur5.d[3], 0]);
  const [upper, lower] = [ur5.a[1], ur5.a[2]];
  const cosine = (x * x + y * y - upper * upper - lower * lower) / (2 * upper * lower);
  if (Math.abs(cosine) > 1) return [];

  const together = Math.atan2(fourthFrame[4]!, fourthFrame[0]!);
  return [Math.acos(cosine), -Math.acos(cosine)].map((third): Joints => {
    const beyond = Math.atan2(lower * Math.sin(third), upper + lower * Math.cos(third));
    const second = Math.atan2(y, x) - beyond;
    return [first, second, third, together - second - third, fifth, sixth];
  });
}

/** The same posture with each angle turned into its limits, the one nearest to zero; or null. */
function fitInto(limits: JointLimits, joints: Joints): Joints | null {
  const fitted: number[] = [];
  for (const [index, angle] of joints.entries()) {
    const [lowest, highest] = limits[index]!;
    const near = angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
    const allowed = [near, near + 2 * Math.PI, near - 2 * Math.PI].find(
      (turn) => turn >= lowest && turn <= highest,
    );
    if (allowed === undefined) return null;
    fitted.push(allowed);
  }
  return fitted as unknown as Joints; // Six in, six out.
}

function isSamePose(a: Transform, b: Transform): boolean {
  return a.every((value, index) => Math.abs(value - b[index]!) <= toleranceMax);
}
