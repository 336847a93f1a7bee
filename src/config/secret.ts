// Whether a secret could have come from chance. It cannot be proven; what people type, copy from an example or
// repeat can be recognised. The measure is 128 bits, as for the ones the server makes itself.

const bitsMin = 128;
const charactersMin = 22; // The fewest that hold 128 bits when letters, digits and two signs are used.
const distinctMin = 8;

const exampleWords = ["changeme", "thisisatoken", "guest", "password", "example", "placeholder"];

/** Why `secret` is too weak, as a sentence that does not repeat it, or null. */
export function weakness(secret: string): string | null {
  const plain = secret.toLowerCase().replaceAll(/[-_ .]/g, "");
  const word = exampleWords.find((example) => plain.includes(example));
  if (word !== undefined) return `It contains the example word "${word}".`;
  if (secret.length < charactersMin) {
    return `It has ${secret.length} characters; at least ${charactersMin} are needed.`;
  }
  const unit = secret.slice(0, periodOf(secret));
  if (unit.length < secret.length / 2) return "It repeats itself.";
  if (new Set(secret).size < distinctMin) return "It repeats few characters.";
  if (sequenceShare(secret) > 0.5) return "It is mostly a sequence of neighbouring characters.";
  const bits = Math.floor(secret.length * Math.log2(alphabetSize(secret)));
  if (bits < bitsMin) return `It holds at most ${bits} bits; at least ${bitsMin} are needed.`;
  return null;
}

/** The shortest length after which the text begins anew. */
function periodOf(text: string): number {
  for (let period = 1; period < text.length; period += 1) {
    if (text.startsWith(text.slice(period))) return period;
  }
  return text.length;
}

/** The share of characters that are the same as, or next to, the one before. */
function sequenceShare(text: string): number {
  let count = 0;
  for (let i = 1; i < text.length; i += 1) {
    if (Math.abs(text.charCodeAt(i) - text.charCodeAt(i - 1)) <= 1) count += 1;
  }
  return count / text.length;
}

/** How many different characters the author of the text may have drawn from. */
function alphabetSize(text: string): number {
  if (/^[0-9]+$/.test(text)) return 10;
  if (/^[0-9a-f]+$/.test(text) || /^[0-9A-F]+$/.test(text)) return 16;
  if (/[a-z]/.test(text) && /[A-Z]/.test(text)) return 64;
  return /[0-9]/.test(text) ? 36 : 28;
}
