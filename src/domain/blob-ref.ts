// How bytes are named. The hash says what they are; the name says where the provider keeps them.

/** Bytes at rest. `sha256` is 64 hex digits, `size` in bytes, `name` chosen by the provider that keeps them. */
export type BlobRef = { readonly sha256: string; readonly size: number; readonly name: string };

/** Bytes with their media type, as a payload or a result refers to them. */
export type Content = BlobRef & { readonly contentType: string | null };

/**
 * Content about to be recorded. Small bytes travel along and are stored with the record; `name` is then "". A buffer
 * that they fill is handed over with them.
 */
export type NewContent = Content & { readonly inline: Uint8Array | null };

/** Begins the name of small bytes that a store keeps itself; no blob provider gives out such a name. */
export const inlineNameStart = "db:";

/** First byte and number of bytes of a part. */
export type ByteRange = { readonly start: number; readonly length: number };

/** The record of content once it stands in the store: without the bytes themselves. */
export function toContent({ sha256, size, name, contentType }: Content): Content {
  return { sha256, size, name, contentType };
}
