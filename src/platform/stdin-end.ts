// The end of standard input as a sign that whoever started this process is gone.

/** Calls once, when nothing more will come. What comes before is thrown away. */
export function onStdinEnd(call: () => void): void {
  process.stdin.once("end", call);
  process.stdin.once("error", call);
  process.stdin.resume();
}
