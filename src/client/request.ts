// One request to the server, sent again where that is safe: after a failed network, and after answers that speak
// of a moment. Everything the client says goes through here; bodies of answers count as part of a request.

import { clientAnswerMsMax, clientStallMsMax } from "./limits.ts";
import { toUrl, type Query } from "./address.ts";
import { ClientError, readError, wordsOf } from "./client-error.ts";
import { createLeash, type Leash } from "./leash.ts";
import { retryDelayMs } from "./retry.ts";
import { never, sleep, type Runtime } from "./runtime.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A body about to be sent. */
export type Body = {
  readonly init: RequestInit["body"];
  /** What its own source threw, which is no failure of the network; undefined as long as it threw nothing. */
  failure(): { readonly error: unknown } | undefined;
  /** Lets go of the source, whether it was read to its end or not. */
  close(): Promise<void>;
};

export type Call = {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: readonly string[];
  readonly query?: Query;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: () => Body;
  /** Whether sending it twice does what sending it once does. */
  readonly isRepeatable: boolean;
  /** Longest wait for the head of the answer; null for uploads, which take as long as they take. */
  readonly answerMsMax?: number | null;
  readonly signal: AbortSignal | undefined;
  /** Told before each further try. */
  readonly onRetry?: () => void;
};

export type Transport = {
  readonly runtime: Runtime;
  /** An answer of 2xx, read by `read`; a body that breaks off is a failed network. */
  send<T>(call: Call, read: (answer: Response) => Promise<T>): Promise<T>;
  /** An answer of 2xx whose body is still to be read, on a leash that ends with it. */
  open(call: Call): Promise<{ readonly answer: Response; readonly leash: Leash }>;
};

export type TransportDeps = {
  readonly base: string;
  readonly headers: { readonly [name: string]: string };
  readonly fetch: Fetch;
  /** False: nothing is sent again before the first answer of any kind has come. */
  readonly isPatientAtFirst: boolean;
  readonly runtime: Runtime;
};

export function createTransport(deps: TransportDeps): Transport {
  const { runtime } = deps;
  let isReached = deps.isPatientAtFirst;
  const run = async <T>(
    call: Call,
    use: (answer: Response, leash: Leash) => Promise<T>,
  ): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      const leash = createLeash(runtime, call.signal);
      try {
        const answer = await ask(deps, call, leash);
        isReached = true;
        return await use(answer, leash);
      } catch (error) {
        leash.cut();
        const failure = toFailure(error, call, deps.base);
        isReached ||= failure.status !== null;
        const isRepeated = call.isRepeatable && isReached;
        const delayMs = isRepeated ? retryDelayMs(failure, tries, runtime.fraction()) : null;
        if (delayMs === null) throw failure;
        await sleep(runtime, delayMs, call.signal ?? never);
        call.onRetry?.();
      }
    }
  };
  return {
    runtime,
    send: (call, read) =>
      run(call, async (answer, leash) => {
        leash.limit(clientStallMsMax);
        const value = await read(answer);
        leash.end();
        return value;
      }),
    open: (call) => run(call, (answer, leash) => Promise.resolve({ answer, leash })),
  };
}

async function ask({ base, headers, fetch }: TransportDeps, call: Call, leash: Leash) {
  const { answerMsMax = clientAnswerMsMax } = call;
  const body = openBody(call);
  leash.signal.throwIfAborted();
  if (answerMsMax !== null) leash.limit(answerMsMax);
  const init = {
    method: call.method,
    headers: { ...headers, ...call.headers },
    body: body?.init ?? null,
    redirect: "manual", // Another host would get the token with the request.
    cache: "no-store",
    duplex: "half", // Node wants it for streams.
    signal: leash.signal,
  } as RequestInit; // The types of Bun do not know all of these.
  try {
    const answer = await fetch(toUrl(base, call.path, call.query), init);
    leash.limit(null);
    if (answer.ok) return answer;
    throw isRedirect(answer) ? toRedirected(answer, base) : await readError(answer);
  } catch (error) {
    const failure = body?.failure();
    throw failure === undefined ? error : new SourceFailure(failure.error);
  } finally {
    // Not waited for: a source may be in the middle of something that never comes. What it throws now is not asked for.
    void body?.close().catch(() => {});
  }
}

function openBody({ body }: Call): Body | undefined {
  try {
    return body?.();
  } catch (error) {
    throw new SourceFailure(error);
  }
}

/** Carries what the source of a payload threw past the handling of network failures. */
class SourceFailure extends Error {
  constructor(readonly original: unknown) {
    super("The source of the payload failed.");
  }
}

/** The caller's own reason and the caller's own error are thrown as they are; all else becomes a ClientError. */
function toFailure(error: unknown, { signal }: Call, base: string): ClientError {
  if (signal?.aborted === true) throw signal.reason;
  if (error instanceof SourceFailure) throw error.original;
  if (error instanceof ClientError) return error;
  const root = new URL(base).origin;
  const sentence = `No answer from ${root}: ${wordsOf(error)}. Is the server running, and the address right?`;
  return new ClientError("unreachable", sentence, { cause: error });
}

function isRedirect({ type, status }: Response): boolean {
  return type === "opaqueredirect" || (status >= 300 && status < 400);
}

function toRedirected(answer: Response, base: string): ClientError {
  const target = answer.headers.get("location");
  const whither = target === null ? "elsewhere" : `to ${target}`;
  const { origin } = new URL(base);
  const sentence = `${origin} redirects ${whither}, which is not followed. Give the address that it leads to.`;
  return new ClientError("no-such-route", sentence, { status: answer.status });
}
