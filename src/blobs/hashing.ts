// The hash that names bytes everywhere: SHA-256. The one file that touches Bun's hasher, so that another
// runtime needs one other file.

export type Sha256 = {
  update(bytes: Uint8Array): void;
  /** 64 lower-case hex digits. Ends the hash; it takes no bytes after it. */
  hex(): string;
};

/** For bytes that come in pieces. */
export function createSha256(): Sha256 {
  const hasher = new Bun.CryptoHasher("sha256");
  return {
    update: (bytes) => {
      hasher.update(bytes);
    },
    hex: () => hasher.digest("hex"),
  };
}

/** For bytes at hand, as 64 lower-case hex digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** For bytes at hand, as 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("sha256").update(bytes).digest());
}
