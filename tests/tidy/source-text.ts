// Reads TypeScript as text, as far as the tidy checks need it: what is code, what it imports, what it exports.
// A small scanner instead of a parser; its own tests plant what it must not fall for.

/** The text with the insides of comments, and of strings too unless they are to be kept, made blank. */
export function codeOf(text: string, keep: "strings" | "code-only" = "code-only"): string {
  let out = "";
  let i = 0;
  const templates: number[] = []; // For each open ${, the number of braces open within it.
  const blank = (part: string) => part.replaceAll(/[^\n]/g, " ");
  while (i < text.length) {
    const next = text.slice(i, i + 2);
    const end = endOfToken(text, i, next, out, templates);
    const part = text.slice(i, end.at);
    out +=
      end.kind === "code" || (end.kind === "string" && keep === "strings") ? part : blank(part);
    i = end.at;
  }
  return out;
}

type Token = { readonly kind: "code" | "comment" | "string"; readonly at: number };

function endOfToken(
  text: string,
  i: number,
  next: string,
  before: string,
  templates: number[],
): Token {
  const char = text[i] ?? "";
  if (next === "//") return { kind: "comment", at: orEnd(text, text.indexOf("\n", i)) };
  if (next === "/*") return { kind: "comment", at: orEnd(text, text.indexOf("*/", i) + 2) };
  if (char === '"' || char === "'") return { kind: "string", at: endOfQuoted(text, i, char) };
  if (char === "`") return { kind: "string", at: endOfTemplate(text, i + 1, templates) };
  if (char === "/" && isRegexPlace(before)) return { kind: "string", at: endOfRegex(text, i) };
  if (templates.length > 0 && char === "{") templates[templates.length - 1]! += 1;
  if (templates.length > 0 && char === "}") {
    if (templates.at(-1) === 0) {
      templates.pop();
      return { kind: "string", at: endOfTemplate(text, i + 1, templates) };
    }
    templates[templates.length - 1]! -= 1;
  }
  return { kind: "code", at: i + 1 };
}

function orEnd(text: string, at: number): number {
  return at < 2 ? text.length : at;
}

function endOfQuoted(text: string, start: number, quote: string): number {
  for (let i = start + 1; i < text.length; i += 1) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === quote || text[i] === "\n") return i + 1;
  }
  return text.length;
}

/** Up to and including the closing backtick or the next `${`, which is then open. */
function endOfTemplate(text: string, start: number, templates: number[]): number {
  for (let i = start; i < text.length; i += 1) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "`") return i + 1;
    else if (text[i] === "$" && text[i + 1] === "{") {
      templates.push(0);
      return i + 2;
    }
  }
  return text.length;
}

/** A slash begins a regular expression where no value stands before it. */
function isRegexPlace(before: string): boolean {
  const last = before.trimEnd();
  return last === "" || /[(,=:[!&|?{};>]$|\b(?:return|typeof|case)$/.test(last);
}

function endOfRegex(text: string, start: number): number {
  let isClass = false;
  for (let i = start + 1; i < text.length; i += 1) {
    const char = text[i];
    if (char === "\\") i += 1;
    else if (char === "[") isClass = true;
    else if (char === "]") isClass = false;
    else if ((char === "/" && !isClass) || char === "\n") return i + 1;
  }
  return text.length;
}

/** `names` are those taken from the module; "*" is all of them. `isType`: nothing of it is there when it runs. */
export type Import = {
  readonly from: string;
  readonly names: readonly string[];
  readonly isType: boolean;
};

export function importsOf(text: string): readonly Import[] {
  const withStrings = codeOf(text, "strings");
  const codeOnly = codeOf(text);
  const found: Import[] = [];
  const add = (pattern: RegExp, namesOf: (clause: string) => readonly string[]) => {
    for (const match of withStrings.matchAll(pattern)) {
      if (codeOnly[match.index] === " ") continue; // It stands within a string.
      const { from = "", clause = "" } = match.groups ?? {};
      found.push({ from, names: namesOf(clause), isType: isTypeClause(clause) });
    }
  };
  add(/\b(?:import|export)\s(?<clause>[^"'`;=()]*?)\sfrom\s*["'](?<from>[^"']+)["']/g, clauseNames);
  add(/\bimport\s*["'](?<from>[^"']+)["']/g, () => []);
  add(/\bimport\(\s*["'](?<from>[^"']+)["']/g, () => ["*"]);
  return found;
}

/** `type { A }` and `{ type A, type B }` take types only. */
function isTypeClause(clause: string): boolean {
  if (/^type\b/.test(clause)) return true;
  const names = /^\{([^}]*)\}$/.exec(clause.trim())?.[1]?.split(",") ?? [""];
  return (
    names.every((name) => name.trim() === "" || /^type\s/.test(name.trim())) && names[0] !== ""
  );
}

function clauseNames(clause: string): readonly string[] {
  if (clause.includes("*")) return ["*"];
  const [outside = "", inside = ""] = clause.replace("}", "").split("{");
  const named = inside.split(",").map((part) => part.trim().replace(/^type\s+/, ""));
  const names = named.map((part) => part.split(/\s+as\s+/)[0] ?? "").filter((name) => name !== "");
  const first = outside
    .replace(/^type\s+/, "")
    .replaceAll(",", "")
    .trim();
  return first === "" || first === "type" ? names : ["default", ...names];
}

/** The names that a file exports, "default" among them. */
export function exportsOf(text: string): readonly string[] {
  const code = codeOf(text);
  const declared = [
    ...code.matchAll(
      /\bexport\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|const|let|var|class|type|interface|enum|namespace)\s+([A-Za-z_$][\w$]*)/g,
    ),
  ].map((match) => match[1] ?? "");
  const listed = [...code.matchAll(/\bexport\s+(?:type\s+)?\{([^}]*)\}/g)].flatMap((match) =>
    (match[1] ?? "")
      .split(",")
      .map(
        (part) =>
          part
            .trim()
            .split(/\s+as\s+/)
            .at(-1) ?? "",
      )
      .filter((name) => name !== ""),
  );
  const fallback = /\bexport\s+default\b/.test(code) ? ["default"] : [];
  return [...declared, ...listed, ...fallback];
}
