// A WebSocket without a network: a test is its server, and decides what is said and when it ends.

import { decodeFrame, encodeMessage, type MessageHeader } from "../../../src/protocol/frame.ts";
import type { OpenSocket } from "../../../src/client/socket/open-socket.ts";

export type FakeSocket = {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly headers: { readonly [name: string]: string };
  /** Messages that the client has said since the last look. */
  said(): readonly (MessageHeader & { readonly body: string })[];
  /** The code with which the client closed it. */
  closedWith(): number | null;
  /** The upgrade succeeds, with this subprotocol. */
  open(protocol?: string): void;
  say(header: Record<string, unknown>, body?: string): void;
  sayRaw(data: unknown): void;
  end(code: number, reason?: string): void;
};

export const welcome = {
  op: "welcome",
  server: "grid",
  incarnation: 1,
  frame_body_bytes_max: 65_536,
  submit_count_max: 1_000,
  submit_bytes_max: 1_000_000,
  watch_count_max: 1_000,
};

/** `opened`: every socket that the client opened, in order. */
export function createFakeSockets() {
  const opened: FakeSocket[] = [];
  const openSocket: OpenSocket = (url, protocols, headers) => {
    const { socket, fake } = createOne(url, protocols, headers);
    opened.push(fake);
    return socket;
  };
  return { opened, openSocket };
}

function createOne(
  url: string,
  protocols: readonly string[],
  headers: { readonly [name: string]: string },
) {
  const target = new EventTarget();
  let said: (MessageHeader & { readonly body: string })[] = [];
  let closedWith: number | null = null;
  const tell = (name: string, fields: object) =>
    void target.dispatchEvent(Object.assign(new Event(name), fields));
  const socket = Object.assign(target, {
    protocol: "",
    binaryType: "blob",
    send(frame: Uint8Array) {
      for (const { header, body } of decodeFrame(frame)) {
        said.push({ ...header, body: new TextDecoder().decode(body) });
      }
    },
    close: (code = 1005) => void (closedWith ??= code),
  });
  const fake: FakeSocket = {
    url,
    protocols,
    headers,
    said() {
      const all = said;
      said = [];
      return all;
    },
    closedWith: () => closedWith,
    open(protocol = "gridlike.v2") {
      socket.protocol = protocol;
      tell("open", {});
    },
    say(header, body = "") {
      const bytes = encodeMessage(header as MessageHeader, new TextEncoder().encode(body));
      tell("message", { data: bytes.buffer });
    },
    sayRaw: (data) => tell("message", { data }),
    end: (code, reason = "") => tell("close", { code, reason }),
  };
  return { socket: socket as unknown as WebSocket, fake };
}
