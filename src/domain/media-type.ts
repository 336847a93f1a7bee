// What may stand in a Content-Type header: bytes keep their media type, and a header must never be broken by it.

import { contentTypeBytesMax } from "./limits.ts";

const mediaTypePattern = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *;[\x20-\x7e]*)?$/;

/** True for a media type like image/png, with or without parameters. */
export function isMediaType(text: string): boolean {
  return text.length <= contentTypeBytesMax && mediaTypePattern.test(text);
}
