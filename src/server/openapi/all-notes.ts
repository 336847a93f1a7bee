// All notes, in the order in which they are shown. A new group of routes gets a file of notes beside the others.

import { feedNotes } from "./feed-notes.ts";
import { jobNotes } from "./job-notes.ts";
import { manyNotes } from "./many-notes.ts";
import type { RouteNote } from "./route-note.ts";
import { serverNotes } from "./server-notes.ts";
import { submitNotes } from "./submit-notes.ts";
import { workNotes } from "./work-notes.ts";
import { workerNotes } from "./worker-notes.ts";

export const allNotes: readonly RouteNote[] = [
  ...submitNotes,
  ...jobNotes,
  ...feedNotes,
  ...manyNotes,
  ...workerNotes,
  ...workNotes,
  ...serverNotes,
];
