// What the owner of a machine allows a grid to do on it. The server never sees it and cannot widen it.

export type WorkerPolicy = {
  /** Types that may run here; null for every type. */
  readonly types: readonly string[] | null;
  /** Whether a client may say which program runs. */
  readonly allowCommands: boolean;
  /** The programs that a client may name; null for every one. */
  readonly programs: readonly string[] | null;
  /** Jobs at one time; null for no bound of its own. */
  readonly slotsMax: number | null;
  readonly resultBytesMax: number;
  /** Variables that programs get in addition. */
  readonly environmentNames: readonly string[];
  readonly runAsRoot: boolean;
};
