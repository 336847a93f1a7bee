// What enters and what leaves the worker's end of a conversation: its inputs and its effects, as data.

import type { LogFields } from "../../platform/log.ts";
import type { MessageHeader } from "../../protocol/frame.ts";
import type {
  HeldVerdict,
  ReceiptVerdict,
  ServerSays,
  WorkerVitals,
} from "../../protocol/worker-messages.ts";

/** An attempt of a job, the fence of everything said about it. */
export type AttemptName = { readonly job: string; readonly attempt: number };

export type JobMessage = Extract<ServerSays, { readonly op: "job" }>;

export type ReleaseWhy = "drain" | "preempted" | "unsupported" | "no_space" | "surplus";

/** `abandoned`: nobody waits for it any more, and nobody wants to hear that it ended. */
export type StopWhy = "cancelled" | "timeout" | "superseded" | "abandoned";

export type Input =
  /** A new link stands; the server has said nothing yet. */
  | { readonly kind: "connected" }
  | {
      readonly kind: "message";
      readonly said: ServerSays;
      readonly body: Uint8Array;
      /** Of `welcome` and `held`. */
      readonly verdicts: readonly HeldVerdict[];
    }
  /** What came is not of the protocol. */
  | { readonly kind: "malformed"; readonly why: string }
  | { readonly kind: "closed"; readonly code: number; readonly reason: string }
  /** The link never stood. `status`: what the upgrade was answered with; null when nothing was. */
  | { readonly kind: "unreachable"; readonly status: number | null; readonly why: string }
  /** The upgrade was answered, in another protocol. */
  | { readonly kind: "stranger" }
  | { readonly kind: "beat-due"; readonly vitals: WorkerVitals }
  | ({ readonly kind: "started" | "long-running" } & AttemptName)
  /** A word of a running job: `progress` or `log`. */
  | ({
      readonly kind: "said";
      readonly header: MessageHeader;
      readonly body: Uint8Array;
    } & AttemptName)
  | ({
      readonly kind: "finished";
      readonly sha256: string;
      readonly size: number;
    } & AttemptName)
  | ({ readonly kind: "failed" } & AttemptName)
  | ({ readonly kind: "released"; readonly why: ReleaseWhy } & AttemptName)
  /** It was stopped, and nothing of it runs any more. */
  | ({ readonly kind: "ended" } & AttemptName)
  /** It did not begin, and the server knows nothing of it any more. */
  | ({ readonly kind: "gone" } & AttemptName)
  /** The server, or the way to it, did not take an outcome. */
  | ({
      readonly kind: "undelivered";
      readonly code: string;
      readonly detail: string;
    } & AttemptName)
  /** What the server said of a result that was uploaded. */
  | ({ readonly kind: "uploaded"; readonly verdict: ReceiptVerdict } & AttemptName)
  | ({ readonly kind: "deliver-due" } & AttemptName)
  /** Jobs that may be held from now on. `why` is what a job above it is given back for. */
  | { readonly kind: "room"; readonly window: number; readonly why: ReleaseWhy }
  /** The person or the machine asks the agent to end, or takes that back. */
  | { readonly kind: "drain" | "undrain" }
  | { readonly kind: "renewed"; readonly workerId: string }
  | { readonly kind: "leave"; readonly why: string };

export type Effect =
  | { readonly do: "send"; readonly header: MessageHeader; readonly body: Uint8Array }
  /** Run it when there is a slot. The payload is the body, or behind the job's `url`. */
  | { readonly do: "start"; readonly job: JobMessage; readonly body: Uint8Array }
  /** It waits for a slot and is not to run. */
  | ({ readonly do: "drop" } & AttemptName)
  | ({ readonly do: "stop"; readonly why: StopWhy } & AttemptName)
  /** Tell the server the outcome, under this message id; by an upload when it is large. */
  | ({ readonly do: "deliver"; readonly id: number } & AttemptName)
  | ({ readonly do: "deliver-later"; readonly afterMs: number } & AttemptName)
  /** The result cannot be delivered: it is a failure with this sentence. */
  | ({
      readonly do: "fail-instead";
      readonly token: string;
      readonly info: string;
      readonly retryable: boolean;
    } & AttemptName)
  /** Its outcome is no longer needed. */
  | ({ readonly do: "forget"; readonly verdict: ReceiptVerdict } & AttemptName)
  | {
      readonly do: "welcomed";
      readonly server: string;
      readonly frameBodyBytesMax: number;
    }
  | { readonly do: "beat-in"; readonly afterMs: number }
  /** The server wants its worker empty: what runs may go on for so long. */
  | { readonly do: "drain-within"; readonly ms: number }
  | { readonly do: "undrained" }
  | { readonly do: "close"; readonly code: number; readonly reason: string }
  | { readonly do: "reconnect"; readonly afterMs: number; readonly why: string }
  | { readonly do: "renew-identity"; readonly why: string }
  | { readonly do: "give-up"; readonly why: string }
  | { readonly do: "note"; readonly event: string; readonly fields: LogFields };
