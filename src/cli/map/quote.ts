// Text as one word of a Bourne shell, letter for letter as GNU parallel writes it, so that whoever knows the one can
// read the other's --dry-run and joblog.

export function shellQuote(text: string): string {
  if (text === "") return "''";
  if (/^[-_.+A-Za-z0-9/]+$/.test(text)) return text;
  // A quote is written in quotes of the other kind; where the text begins or ends with one, what is empty goes.
  const quoted = `'${text.replaceAll("'", `'"'"'`)}'`;
  return quoted.replace(/^''/, "").replace(/''$/, "");
}
