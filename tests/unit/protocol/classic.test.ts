import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  failureInfoCharactersMax,
  failureLogBytesMax,
  progressInfoCharactersMax,
  workerIdCharactersMax,
  workerNameCharactersMax,
} from "../../../src/domain/limits.ts";
import { parseClassic, statusRequest } from "../../../src/protocol/classic.ts";

function why(frame: string): string {
  const message = parseClassic(frame);
  if (!("malformed" in message)) throw new Error(`This was accepted: ${frame.slice(0, 80)}`);
  return message.malformed;
}

test("parseClassic() reads a registration [GL-23]", () => {
  const frame = '{"code":0,"name":"closet","id":"4f2a","token":"secret"}';
  expect(parseClassic(frame)).toEqual({ code: 0, name: "closet", id: "4f2a", token: "secret" });
});

test("parseClassic() reads a registration without id or token as the original did [GL-23]", () => {
  const plain = { code: 0, name: "closet", id: "", token: "" } as const;
  expect(parseClassic('{"code":0,"name":"closet"}')).toEqual(plain);
  expect(parseClassic('{"code":0,"name":"closet","id":null,"token":null}')).toEqual(plain);
});

test("parseClassic() reads a status [GL-24]", () => {
  expect(parseClassic('{"code":1,"status":0}')).toEqual({ code: 1, status: 0 });
  expect(parseClassic(' {\n"status" : 1.0, "code": 1e0 } ')).toEqual({ code: 1, status: 1 });
});

test("parseClassic() reads progress with percent, info, or both [GL-26]", () => {
  expect(parseClassic('{"code":3,"percent":12.5,"info":"meshing"}')).toEqual({
    code: 3,
    percent: 12.5,
    info: "meshing",
  });
  expect(parseClassic('{"code":3,"percent":0}')).toEqual({ code: 3, percent: 0, info: null });
  expect(parseClassic('{"code":3,"percent":100.0}')).toMatchObject({ percent: 100 });
  expect(parseClassic('{"code":3,"percent":null,"info":""}')).toMatchObject({ info: "" });
});

test("parseClassic() reads a failure with or without words [GL-27]", () => {
  const nothing = { code: 4, info: null, logs: null } as const;
  expect(parseClassic('{"code":4,"info":null,"logs":null}')).toEqual(nothing);
  expect(parseClassic('{"code":4}')).toEqual(nothing);
  expect(parseClassic('{"code":4,"info":"oh","logs":"a\\nb"}')).toEqual({
    code: 4,
    info: "oh",
    logs: "a\nb",
  });
});

test("statusRequest is the message of the original [GL-25]", () => {
  expect(JSON.parse(statusRequest)).toEqual({ code: 2 });
});

test("parseClassic() ignores fields it does not know [GL-22]", () => {
  expect(parseClassic('{"code":1,"status":1,"load":0.5,"extra":{"a":[1]}}')).toEqual({
    code: 1,
    status: 1,
  });
});

for (const [what, frames] of [
  [
    "text that is no JSON",
    ["", " ", "{", "}", "hello", "{'code':1}", '{"code":1,}', "\u0000", "NaN"],
  ],
  [
    "text after the JSON",
    ['{"code":1,"status":1}{"code":1,"status":1}', '{"code":1,"status":1} x'],
  ],
  ["JSON that is no object", ["null", "1", "true", '"code"', "[]", '[{"code":1,"status":1}]']],
  ["an unknown code", ["{}", '{"code":2}', '{"code":5}', '{"code":-1}', '{"code":0.5}']],
  [
    "a code of a wrong type",
    ['{"code":"0","name":"a"}', '{"code":null}', '{"code":true}', '{"code":[0]}', '{"code":{}}'],
  ],
  ["a code in other case", ['{"Code":1,"status":1}', '{"CODE":1,"status":1}']],
  [
    "a registration without a name",
    ['{"code":0}', '{"code":0,"name":null}', '{"code":0,"id":"a"}'],
  ],
  [
    "a registration of wrong types",
    [
      '{"code":0,"name":7}',
      '{"code":0,"name":["a"]}',
      '{"code":0,"name":"a","id":7}',
      '{"code":0,"name":"a","token":7}',
      '{"code":0,"name":"a","token":{"toString":"x"}}',
    ],
  ],
  [
    "a status that is neither busy nor ready",
    ['{"code":1}', '{"code":1,"status":2}', '{"code":1,"status":"1"}', '{"code":1,"status":true}'],
  ],
  ["a percentage that is no number", ['{"code":3,"percent":"40"}', '{"code":3,"percent":NaN}']],
  [
    "words that are no text",
    ['{"code":3,"info":7}', '{"code":4,"info":{}}', '{"code":4,"logs":[]}'],
  ],
] as const) {
  test(`parseClassic() refuses ${what}`, () => {
    for (const frame of frames) expect(why(frame).length).toBeWithin(1, 101);
  });
}

test("parseClassic() brings a percentage into 0 to 100 [GL-26]", () => {
  expect(parseClassic('{"code":3,"percent":-0.1}')).toMatchObject({ percent: 0 });
  expect(parseClassic('{"code":3,"percent":100.00001}')).toMatchObject({ percent: 100 });
  expect(parseClassic('{"code":3,"percent":1e999}')).toMatchObject({ percent: 100 });
  expect(parseClassic('{"code":3}')).toMatchObject({ percent: null, info: null });
});

test("parseClassic() says what is wrong, and where", () => {
  expect(why("hello")).toBe("the text is no JSON");
  expect(why("[1]")).toBe("code missing is unknown");
  expect(why('{"code":9}')).toBe("code 9 is unknown");
  expect(why('{"code":"9"}')).toBe('code "9" is unknown');
  expect(why('{"code":[9]}')).toBe("code […] is unknown");
  expect(why('{"code":{}}')).toBe("code {…} is unknown");
  expect(why('{"code":0,"name":7}')).toStartWith("code 0: name: ");
});

test("parseClassic() is not led astray by names of prototypes", () => {
  expect(why('{"__proto__":{"code":1,"status":1}}')).toBe("code missing is unknown");
  expect(why('{"code":1,"__proto__":{"status":1}}')).toContain("status");
  const message = parseClassic('{"code":0,"name":"a","__proto__":{"id":"evil"},"constructor":1}');
  expect(message).toEqual({ code: 0, name: "a", id: "", token: "" });
  expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>).id).toBeUndefined();
  expect(parseClassic('{"code":0,"name":"__proto__","id":"constructor"}')).toMatchObject({
    name: "__proto__",
    id: "constructor",
  });
});

test("parseClassic() takes the last of doubled fields, as every JSON reader does", () => {
  expect(parseClassic('{"code":4,"code":1,"status":0,"status":1}')).toEqual({ code: 1, status: 1 });
});

test("parseClassic() survives JSON deeper than the stack", () => {
  for (const depth of [100, 10_000, 500_000]) {
    const deep = "[".repeat(depth) + "]".repeat(depth);
    const nested = '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
    for (const value of [deep, nested]) {
      expect(parseClassic(value)).toHaveProperty("malformed");
      expect(parseClassic(`{"code":${value}}`)).toHaveProperty("malformed");
      expect(parseClassic(`{"code":0,"name":${value}}`)).toHaveProperty("malformed");
      expect(parseClassic(`{"code":3,"percent":${value}}`)).toHaveProperty("malformed");
      parseClassic(`{"code":1,"status":1,"more":${value}}`); // Known or not, it must come back.
    }
  }
});

test("parseClassic() mends lone surrogates in text", () => {
  const frame = '{"code":0,"name":"a\\ud800","id":"\\udc00b","token":"t"}';
  expect(parseClassic(frame)).toMatchObject({ name: "a\ufffd", id: "\ufffdb" });
  expect(parseClassic('{"code":4,"info":"\\udfff","logs":"\\ud800\\ud800"}')).toMatchObject({
    info: "\ufffd",
    logs: "\ufffd\ufffd",
  });
});

test("parseClassic() cuts text of any length to what is kept [GL-26] [GL-27]", () => {
  const long = "x".repeat(2 * 1024 * 1024);
  expect(parseClassic(JSON.stringify({ code: 0, name: long, id: long, token: long }))).toEqual({
    code: 0,
    name: "x".repeat(workerNameCharactersMax),
    id: "x".repeat(workerIdCharactersMax),
    token: long,
  });
  expect(parseClassic(JSON.stringify({ code: 3, info: long }))).toMatchObject({
    info: "x".repeat(progressInfoCharactersMax),
  });
  expect(parseClassic(JSON.stringify({ code: 4, info: long, logs: long }))).toEqual({
    code: 4,
    info: "x".repeat(failureInfoCharactersMax),
    logs: "x".repeat(failureLogBytesMax),
  });
});

test("parseClassic() cuts logs by bytes, not by characters [GL-27]", () => {
  const message = parseClassic(JSON.stringify({ code: 4, logs: "日".repeat(600_000) }));
  expect(message).toHaveProperty("logs", "日".repeat(Math.floor(failureLogBytesMax / 3)));
});

test("parseClassic() stays short about long garbage", () => {
  const long = "日".repeat(700_000);
  expect(why(`{"code":"${long}"}`).length).toBeLessThan(50);
  expect(why(`{"code":3,"percent":"${long}"}`).length).toBeWithin(1, 101);
  expect(why(`{"code":3,"percent":["${long}"]}`).length).toBeWithin(1, 101);
  expect(why(long)).toBe("the text is no JSON");
});

test("parseClassic() comes back from any text, with a message of the protocol or a reason", () => {
  let messageCount = 0;
  let refusalCount = 0;
  const values = fc.oneof(fc.jsonValue(), fc.constantFrom(0, 1, 3, 4, null, "", 50, "text"));
  const names = fc.constantFrom("code", "name", "id", "token", "status", "percent", "info", "logs");
  const messages = fc
    .tuple(fc.constantFrom(0, 1, 2, 3, 4, 5), fc.dictionary(names, values))
    .map(([code, fields]) => JSON.stringify({ ...fields, code }));
  const texts = fc.oneof(messages, fc.json(), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(texts, (text) => {
      const message = parseClassic(text);
      if ("malformed" in message) {
        refusalCount += 1;
        expect(message.malformed.length).toBeWithin(1, 101);
      } else {
        messageCount += 1;
        expect([0, 1, 3, 4]).toContain(message.code);
        for (const value of Object.values(message)) {
          if (typeof value === "string") expect(value.isWellFormed() || value === "").toBe(true);
        }
      }
    }),
    { numRuns: 2_000 },
  );
  expect(messageCount).toBeGreaterThan(50);
  expect(refusalCount).toBeGreaterThan(50);
});
