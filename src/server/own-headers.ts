// For the answers that are asked for most: they bring all their headers themselves. Those that every answer has are
// else merged into a finished one by the framework, which takes a second answer and as long as all of the rest.

type Headers = { readonly [name: string]: string };

/** Where the framework keeps what it would merge. */
export type HeaderSet = { headers: Record<string, string | number> };

/** These headers and those of every answer; nothing is left to be merged. What is named here wins. */
export function ownHeaders(set: HeaderSet, own: Headers): Record<string, string> {
  const common = set.headers as Headers; // What app.ts puts there is text.
  set.headers = {};
  return { ...common, ...own };
}
