// Multipart forms written by hand, so that a test decides every byte of them.

export type FormPart = {
  readonly name: string;
  readonly value: string;
  readonly filename?: string;
  readonly type?: string;
};

export const boundary = "boundary-of-the-tests";
export const formType = `multipart/form-data; boundary=${boundary}`;

export function formText(parts: readonly FormPart[]): string {
  return `${parts.map(partText).join("")}--${boundary}--\r\n`;
}

/** A request's options for a form of these parts, in this order. */
export function form(parts: readonly FormPart[]) {
  const body = new TextEncoder().encode(formText(parts));
  return { method: "POST", body, headers: { "Content-Type": formType } };
}

export function payload(value: string): FormPart {
  return { name: "payload", value, filename: "file", type: "application/octet-stream" };
}

function partText({ name, value, filename, type }: FormPart): string {
  const file = filename === undefined ? "" : `; filename="${filename}"`;
  const typeLine = type === undefined ? "" : `Content-Type: ${type}\r\n`;
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${typeLine}\r\n${value}\r\n`;
}
