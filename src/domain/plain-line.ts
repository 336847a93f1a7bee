// One line of a stranger's text, made fit for a person's screen: nothing that steers a terminal, breaks the line or
// turns the text around.

/** Control characters, line ends among them, and those that reverse the reading order. */
const hidden =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/** The beginning of the text as one line; each run of hidden characters becomes a space. */
export function plainLine(text: string, charactersMax: number): string {
  // Cut first with room to spare, so that a large text costs no more than a small one.
  const start = text.slice(0, charactersMax * 4).toWellFormed();
  return start.replaceAll(hidden, " ").trim().slice(0, charactersMax).toWellFormed();
}
