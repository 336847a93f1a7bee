// What a map is told of its jobs, whichever way it comes.

/** How a job stands, as far as a map cares. */
export type JobNews = {
  readonly key: string;
  readonly status: "running" | "done" | "failed" | "cancelled";
  readonly atMs: number;
  /** Null where it is not known from this news. */
  readonly worker: string | null;
  readonly info: string | null;
  /** A small result of a job that is done may come along. */
  readonly result: NewsResult | null;
};

export type NewsResult = { readonly contentType: string | null; readonly bytes: Uint8Array };
