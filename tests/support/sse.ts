// Follows an address as a browser's EventSource would, block by block, and waits for what a test names.

export type SseBlock = {
  readonly id: string | null;
  readonly event: string | null;
  readonly data: string | null;
  readonly comment: string | null;
  readonly retry: string | null;
};

export type SseReader = AsyncDisposable & {
  /** The next block that is one, comments and openings included; null when the answer has ended. */
  next(): Promise<SseBlock | null>;
  /** The next block with data. */
  nextData<T>(): Promise<T & { readonly id: string; readonly event: string | null }>;
};

export async function openSse(answer: Promise<Response>): Promise<SseReader> {
  const { body, status } = await answer;
  if (status !== 200 || body === null) throw new Error(`The feed was answered with ${status}.`);
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const next = async (): Promise<SseBlock | null> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return toBlock(block);
      }
      const { done, value } = await reader.read();
      if (done) return null;
      text += decoder.decode(value, { stream: true });
    }
  };
  return {
    next,
    async nextData<T>() {
      for (;;) {
        const block = await next();
        if (block === null) throw new Error("The feed has ended.");
        if (block.data === null) continue;
        return { ...(JSON.parse(block.data) as T), id: block.id ?? "", event: block.event };
      }
    },
    [Symbol.asyncDispose]: () => reader.cancel(),
  };
}

function toBlock(text: string): SseBlock {
  const fields = new Map(
    text.split("\n").map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  const field = (name: string) => fields.get(name) ?? null;
  return {
    id: field("id"),
    event: field("event"),
    data: field("data"),
    comment: field(""),
    retry: field("retry"),
  };
}
