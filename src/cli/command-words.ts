// The server's sentences name routes, because it knows its callers by HTTP alone. Here they are put in the words of
// the command line. A sentence that is not known stays as it is.

const replacements: readonly (readonly [RegExp, string])[] = [
  [/GET \/api\/jobs lists the jobs\./g, "See gridlike ls."],
  [/GET \/api\/workers lists them\./g, "See gridlike worker list."],
  [/Submit jobs with group=… first\./g, "See gridlike group ls."],
  [/POST …\/(unhold|retry)\b/g, "gridlike $1"],
];

export function inCommandWords(sentence: string): string {
  return replacements.reduce((text, [route, command]) => text.replaceAll(route, command), sentence);
}
