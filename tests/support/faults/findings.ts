// What the harness found to be broken, by the rule that was broken. Many breaks of one rule are counted, a few
// of them are kept in words.

export const rules = {
  L1: "what was acknowledged exists with its bytes, or was deleted",
  L2: "what was acknowledged is settled in the end, for a reason that is known",
  L3: "a result that was read stays the same",
  L4: "a done job was completed once, any other never",
  L5: "a job whose submission got no answer is there once or not at all",
  L6: "no job is there that nobody asked for, none that was deleted",
  L7: "each job's events are an allowed course, and numbers only grow",
  L8: "a done job of a chain has one successor with its bytes, any other has none",
  L9: "bytes that are referred to are there and fit their hash",
  L10: "the database is sound",
  L11: "the server ends only by the kill, and logs no error",
  L12: "a repeated submission is the same job, and another one under its key is refused",
} as const;

export type Rule = keyof typeof rules;

export type Findings = {
  note(rule: Rule, sentence: string): void;
  count(rule: Rule): number;
  total(): number;
  /** One line per rule that was broken, then examples. */
  lines(): readonly string[];
};

const examplesMax = 4;

export function createFindings(): Findings {
  const countByRule = new Map<Rule, number>();
  const examples = new Map<Rule, string[]>();
  const count = (rule: Rule) => countByRule.get(rule) ?? 0;
  return {
    note(rule, sentence) {
      countByRule.set(rule, count(rule) + 1);
      const some = examples.get(rule) ?? [];
      if (some.length < examplesMax) examples.set(rule, [...some, sentence]);
    },
    count,
    total: () => [...countByRule.values()].reduce((sum, found) => sum + found, 0),
    lines: () =>
      [...countByRule].flatMap(([rule, found]) => [
        `${rule} broken ${found} times: ${rules[rule]}`,
        ...(examples.get(rule) ?? []).map((example) => `   ${example}`),
      ]),
  };
}
