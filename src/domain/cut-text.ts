// Text cut to a number of bytes of UTF-8, never within a character. Apart because what travels or is stored is
// limited in bytes, while the length of a string counts something else.

/** The longest beginning of `text` that fits into `bytesMax` bytes, as valid Unicode. */
export function cutToBytes(text: string, bytesMax: number): string {
  // No unit of a string takes more than three bytes, so short text needs no measuring.
  if (text.length * 3 <= bytesMax) return text.toWellFormed();
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytesMax));
  return text.slice(0, read).toWellFormed();
}
