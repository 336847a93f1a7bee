import { expect, test } from "bun:test";
import { wishProblem, narrowOffer, rootProblem } from "../../../src/agent/policy.ts";
import { policyDefault } from "../../../src/config/worker-policy.ts";

const render = { ...policyDefault, types: ["render", "mesh"], slotsMax: 2 };

test("narrowOffer() leaves an offer as it is where the policy says nothing", () => {
  const offer = { types: [], slots: 8 };
  expect(narrowOffer(policyDefault, offer)).toEqual(offer);
});

test("narrowOffer() takes away types and slots that the policy does not allow", () => {
  expect(narrowOffer(render, { types: ["render", "sing"], slots: 8 })).toEqual({
    types: ["render"],
    slots: 2,
  });
  expect(narrowOffer(render, { types: [], slots: 1 })).toEqual({
    types: ["render", "mesh"],
    slots: 1,
  });
  expect(narrowOffer(render, { types: ["sing"], slots: 1 })).toContain("render, mesh");
});

test("wishProblem() refuses what was never offered", () => {
  expect(wishProblem(render, { type: "mesh", program: null })).toBeNull();
  expect(wishProblem(render, { type: "sing", program: null })).toContain('"sing"');
  expect(wishProblem(render, { type: "", program: null })).toContain('""');
});

test("wishProblem() refuses programs of clients unless the policy allows them", () => {
  const wish = { type: "command", program: "blender" };
  expect(wishProblem(policyDefault, wish)).toContain("commands sent by clients");
  const open = { ...policyDefault, allowCommands: true };
  expect(wishProblem(open, wish)).toBeNull();
  const some = { ...open, programs: ["blender", "/opt/x"] };
  expect(wishProblem(some, wish)).toBeNull();
  expect(wishProblem(some, { ...wish, program: "/opt/x" })).toBeNull();
  for (const program of ["./blender", "/tmp/blender", "x", "blender "]) {
    expect(wishProblem(some, { ...wish, program })).toContain(JSON.stringify(program));
  }
});

test("rootProblem() refuses root, unless it is allowed or bounded by a container", () => {
  const root = { isRoot: true, isInContainer: false, isAllowed: false };
  expect(rootProblem(root)).toContain("--allow-root");
  expect(rootProblem({ ...root, isAllowed: true })).toBeNull();
  expect(rootProblem({ ...root, isInContainer: true })).toBeNull();
  expect(rootProblem({ ...root, isRoot: false })).toBeNull();
});
