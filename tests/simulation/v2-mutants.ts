// Planted bugs of the v2 protocol, on both ends: words are changed, held back or made up on their way between the socket
// and the machine that they are for.

import type { Conversation } from "../../src/agent/conversation/conversation.ts";
import type { Effect } from "../../src/agent/conversation/conversation-words.ts";
import type { Broker, WorkerConnection, WorkerSocket } from "../../src/broker/broker.ts";
import {
  decodeFrame,
  encodeMessage,
  type Message,
  type MessageHeader,
} from "../../src/protocol/frame.ts";
import type { Job } from "../../src/domain/job.ts";
import type { ServerSays } from "../../src/protocol/worker-messages.ts";
import { lonely } from "./knobs.ts";
import type { Mutant } from "./mutants.ts";

type Pass = (message: Message) => void;

type Change = {
  /** From the worker to the server. */
  readonly heard?: (message: Message, pass: Pass, socket: WorkerSocket) => void;
  /** From the server to the worker. `hear` makes the server hear something. */
  readonly said?: (message: Message, pass: Pass, hear: Pass) => void;
};

function between(broker: Broker, socket: WorkerSocket, change: Change): WorkerConnection {
  const pass: Pass = ({ header, body }) => socket.send(header as unknown as ServerSays, body);
  const hear: Pass = ({ header, body }) => connection.frame(encodeMessage(header, body));
  const connection: WorkerConnection = broker.attachWorker({
    ...socket,
    send(said, body = new Uint8Array()) {
      const message = { header: said as unknown as MessageHeader, body };
      if (change.said === undefined) pass(message);
      else change.said(message, pass, hear);
    },
  });
  return {
    ...connection,
    frame(bytes) {
      for (const message of decodeFrame(bytes)) {
        if (change.heard === undefined) hear(message);
        else change.heard(message, hear, socket);
      }
    },
  };
}

type Line = { readonly [field: string]: unknown };

function mapLines(body: Uint8Array, change: (line: Line) => Line): Uint8Array {
  const lines = new TextDecoder().decode(body).split("\n");
  const changed = lines.filter((line) => line !== "").map((line) => change(JSON.parse(line)));
  return new TextEncoder().encode(changed.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** Words of headers are what the protocol says they are. */
function wordIn(line: Line, field: string): string {
  return line[field] as string;
}

function nameOf(line: Line): string {
  return `${wordIn(line, "job")}.${attemptOf(line)}`;
}

function attemptOf(line: Line): number {
  return line["attempt"] as number;
}

function receipt(header: MessageHeader, verdict: "committed" | "abandon"): ServerSays {
  return { op: "receipt", job: wordIn(header, "job"), attempt: attemptOf(header), verdict };
}

/** Workers that are always there, and often away. */
const busy = { v2WorkersMax: 4, v2HarmPauseMsMax: 2_000 } as const;

/** Jobs that take their time, and that few others could do. */
const slow = { v2JobMsMax: 60_000, v2LongRate: 0.5, workersPerTypeMax: 1 } as const;

const receiptsEarly: Mutant = {
  name: "a receipt leaves before its commit",
  breaks: ["verdict"],
  attachWorker: (broker, socket) =>
    between(broker, socket, {
      heard(message, pass) {
        if (message.header.op === "result") socket.send(receipt(message.header, "committed"));
        pass(message);
      },
    }),
};

const countsNoWindow: Mutant = {
  name: "the window of a worker is not counted",
  breaks: ["I12"],
  attachWorker: (broker, socket) =>
    between(broker, socket, {
      heard({ header, body }, pass) {
        const isReady = header.op === "ready";
        pass({ header: isReady ? { ...header, window: 50 } : header, body });
      },
    }),
};

const continuesOtherLives: Mutant = {
  name: "an attempt of another life is told to continue",
  breaks: ["verdict", "token"],
  attachWorker: (broker, socket) =>
    between(broker, socket, {
      said({ header, body }, pass) {
        const asked = (line: Line) =>
          line["do"] === "abandon" ? { ...line, do: "continue" } : line;
        pass({ header, body: header.op === "welcome" ? mapLines(body, asked) : body });
      },
    }),
};

const checksNoToken: Mutant = {
  name: "an attempt is taken up again whatever its token",
  breaks: ["token"],
  attachWorker: (broker, socket, { memory }) =>
    between(broker, socket, {
      said(message, pass) {
        const { header } = message;
        if (header.op === "job") memory.set(nameOf(header), wordIn(header, "token"));
        pass(message);
      },
      heard({ header, body }, pass) {
        const known = (line: Line) => ({
          ...line,
          token: memory.get(nameOf(line)) ?? line["token"],
        });
        pass({ header, body: header.op === "hello" ? mapLines(body, known) : body });
      },
    }),
};

const abandonsLateResults: Mutant = {
  name: "a late result that was the first is abandoned",
  breaks: ["late"],
  knobs: lonely,
  attachWorker: (broker, socket, { platter }) =>
    between(broker, socket, {
      heard(message, pass) {
        const { header } = message;
        if (header.op !== "result") return pass(message);
        void platter.jobs.find({ by: "id", id: wordIn(header, "job") }).then((job) => {
          if (job?.status === "running" && job.attempt.n > attemptOf(header)) {
            socket.send(receipt(header, "abandon"));
          } else pass(message);
        });
      },
    }),
};

const keepsOtherBoots: Mutant = {
  name: "attempts of another boot of the worker are kept",
  breaks: ["T9"],
  knobs: { ...busy, ...slow, faultPauseMsMax: 2_000 },
  jobs: (jobs) => ({
    ...jobs,
    async list(query) {
      const page = await jobs.list(query);
      const isStart = query.filter.status === "running";
      return isStart ? { ...page, items: page.items.map(asSomebodys) } : page;
    },
  }),
};

/** With an attempt that nobody will be asked for. */
function asSomebodys(job: Job): Job {
  if (job.status !== "running") return job;
  const worker = { ...job.attempt.worker, id: "somebody" };
  return { ...job, attempt: { ...job.attempt, worker } };
}

const cancelsSilently: Mutant = {
  name: "nobody tells a worker to cancel",
  breaks: ["T12"],
  knobs: { ...busy, ...slow, v2HarmPauseMsMax: 30_000, linkMsMax: 0, clientPauseMsMax: 300 },
  attachWorker: (broker, socket) =>
    between(broker, socket, {
      said(message, pass) {
        if (message.header.op !== "cancel") pass(message);
      },
    }),
};

const givesBeforeReady: Mutant = {
  name: "a worker is given jobs before it is ready",
  breaks: ["ready"],
  attachWorker: (broker, socket) =>
    between(broker, socket, {
      said(message, pass, hear) {
        pass(message);
        if (message.header.op !== "welcome") return;
        // Behind this turn: the session is still about to take its own welcome.
        queueMicrotask(() => hear({ header: { op: "ready", window: 2 }, body: new Uint8Array() }));
      },
    }),
};

const drainsInWordsOnly: Mutant = {
  name: "a drained worker is given jobs",
  breaks: ["drain"],
  broker: (broker) => ({ ...broker, drainWorker: (id) => broker.worker(id) }),
};

const deafToLife: Mutant = {
  name: "a job that its worker has confirmed counts as not delivered",
  breaks: ["T3b"],
  attachWorker: (broker, socket) =>
    between(broker, socket, {
      heard({ header, body }, pass) {
        if (header.op === "started" || header.op === "progress") return;
        pass({ header: header.op === "beat" ? { ...header, holding: [] } : header, body });
      },
    }),
};

const welcomesCopies: Mutant = {
  name: "a copy of a worker is welcomed beside it",
  breaks: ["place"],
  attachWorker: (broker, socket) =>
    between(broker, socket, {
      heard({ header, body }, pass) {
        const isHello = header.op === "hello";
        const other = `${wordIn(header, "worker_id")} of ${socket.connection}`;
        pass({ header: isHello ? { ...header, worker_id: other } : header, body });
      },
    }),
};

const hasNoPatience: Mutant = {
  name: "a silent worker is given up too soon",
  breaks: ["T8"],
  clock: (clock) => ({ ...clock, monotonicMs: () => clock.monotonicMs() * 4 }),
};

const forgetsResults: Mutant = {
  name: "a worker forgets its results when they are sent",
  breaks: ["spool"],
  conversation: (conversation) =>
    changing(conversation, (effect) => {
      if (effect.do !== "deliver") return [effect];
      const { job, attempt } = effect;
      return [effect, { do: "forget", job, attempt, verdict: "committed" }];
    }),
};

const saysNothingOfJobs: Mutant = {
  name: "a worker that comes back does not name what it has",
  breaks: ["T9"],
  conversation: (conversation) =>
    changing(conversation, (effect) => {
      const isHello = effect.do === "send" && effect.header.op === "hello";
      return [isHello ? { ...effect, body: new Uint8Array() } : effect];
    }),
};

function changing(
  conversation: Conversation,
  change: (effect: Effect) => readonly Effect[],
): Conversation {
  return {
    ...conversation,
    step: (input, chance) => conversation.step(input, chance).flatMap(change),
  };
}

export const v2Mutants: readonly Mutant[] = [
  receiptsEarly,
  countsNoWindow,
  continuesOtherLives,
  checksNoToken,
  abandonsLateResults,
  keepsOtherBoots,
  cancelsSilently,
  givesBeforeReady,
  drainsInWordsOnly,
  deafToLife,
  welcomesCopies,
  hasNoPatience,
  forgetsResults,
  saysNothingOfJobs,
];
