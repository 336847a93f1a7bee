// Writes a PNG file: signature, header, one compressed block of rows, end. Colours are 8-bit RGB.

import { crc32, deflateSync } from "node:zlib";

const signature = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);

/** `pixels` are width × height × 3 bytes, row by row from the top. */
export function encodePng(width: number, height: number, pixels: Uint8Array): Uint8Array {
  if (pixels.length !== width * height * 3) {
    throw new Error(`${width} × ${height} pixels need ${width * height * 3} bytes.`);
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // Bits per channel.
  header.setUint8(9, 2); // Red, green, blue; then deflate, no special filter set, no interlace.

  // Each row begins with its filter; 1 stores differences to the left, which flat areas like.
  const rowBytes = width * 3;
  const rows = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0; y < height; y++) {
    const to = y * (rowBytes + 1);
    rows[to] = 1;
    for (let x = 0; x < rowBytes; x++) {
      const left = x < 3 ? 0 : pixels[y * rowBytes + x - 3]!;
      rows[to + 1 + x] = pixels[y * rowBytes + x]! - left;
    }
  }
  const chunks = [
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", new Uint8Array()),
  ];
  return Uint8Array.from(Buffer.concat([signature, ...chunks]));
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(12 + data.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, data.length);
  whole.set(new TextEncoder().encode(name), 4);
  whole.set(data, 8);
  view.setUint32(8 + data.length, crc32(whole.subarray(4, 8 + data.length)));
  return whole;
}
