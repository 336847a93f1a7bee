// What stands around the arm, read from scene.json and checked once, so that the rest may trust it.

import { readFileSync } from "node:fs";
import type { JointLimits } from "./kinematics.ts";
import type { Vector } from "./vectors.ts";

export type Box = {
  readonly name: string;
  readonly center: Vector;
  readonly size: Vector;
  /** Turned about the vertical through its centre, in radians. */
  readonly yaw: number;
};
export type Sphere = { readonly name: string; readonly center: Vector; readonly radius: number };
export type Obstacle = {
  readonly name: string;
  readonly from: Vector;
  readonly to: Vector;
  readonly radius: number;
};
export type Tool = { readonly length: number; readonly radius: number };

export type Scene = {
  readonly limits: JointLimits;
  /** A straight tool along the flange's z axis; its tip is what is put into a cell. */
  readonly tool: Tool;
  /** How far the arm must stay away from everything. */
  readonly clearance: number;
  readonly boxes: readonly Box[];
  readonly spheres: readonly Sphere[];
  readonly capsules: readonly Obstacle[];
};

export const sceneFile = new URL("scene.json", import.meta.url);

export const loadScene = (file: URL | string = sceneFile): Scene =>
  parseScene(JSON.parse(readFileSync(file, "utf8")));

export function parseScene(given: unknown): Scene {
  const scene = record(given, "the scene");
  const arm = record(scene["arm"], "arm");
  const tool = record(arm["tool"], "arm.tool");
  const limits = list(arm["joint_limits_degrees"], "arm.joint_limits_degrees").map(
    (pair, index) => {
      const [low, high] = numbers(pair, 2, `arm.joint_limits_degrees[${index}]`);
      return [radians(low!), radians(high!)] as const;
    },
  );
  if (limits.length !== 6) throw new Error(`The arm has 6 joints, not ${limits.length}.`);
  return {
    limits,
    tool: {
      length: size(tool["length"], "arm.tool.length"),
      radius: size(tool["radius"], "arm.tool.radius"),
    },
    clearance: size(arm["clearance"], "arm.clearance"),
    boxes: each(scene, "boxes", (box, where) => ({
      name: text(box["name"], `${where}.name`),
      center: vector(box["center"], `${where}.center`),
      size: vector(box["size"], `${where}.size`),
      yaw: radians(number(box["yaw_degrees"], `${where}.yaw_degrees`)),
    })),
    spheres: each(scene, "spheres", (sphere, where) => ({
      name: text(sphere["name"], `${where}.name`),
      center: vector(sphere["center"], `${where}.center`),
      radius: size(sphere["radius"], `${where}.radius`),
    })),
    capsules: each(scene, "capsules", (capsule, where) => ({
      name: text(capsule["name"], `${where}.name`),
      from: vector(capsule["from"], `${where}.from`),
      to: vector(capsule["to"], `${where}.to`),
      radius: size(capsule["radius"], `${where}.radius`),
    })),
  };
}

type Fields = { readonly [name: string]: unknown };

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

const wrong = (where: string, wanted: string, value: unknown): Error =>
  new Error(`The scene's ${where} must be ${wanted}, not ${JSON.stringify(value)}.`);

function record(value: unknown, where: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(where, "an object", value);
}

function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(where, "a list", value);
}

function each<T>(scene: Fields, name: string, parse: (fields: Fields, where: string) => T) {
  return list(scene[name] ?? [], name).map((entry, index) => {
    const where = `${name}[${index}]`;
    return parse(record(entry, where), where);
  });
}

function text(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw wrong(where, "a text", value);
}

function number(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong(where, "a number", value);
}

function size(value: unknown, where: string): number {
  const checked = number(value, where);
  if (checked >= 0) return checked;
  throw wrong(where, "0 or more", value);
}

function numbers(value: unknown, count: number, where: string): readonly number[] {
  const values = list(value, where).map((entry) => number(entry, where));
  if (values.length === count) return values;
  throw wrong(where, `${count} numbers`, value);
}

function vector(value: unknown, where: string): Vector {
  const [x, y, z] = numbers(value, 3, where);
  return [x!, y!, z!];
}
