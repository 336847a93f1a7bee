// Whether a map has a server to go to: the one that the user named, or one that answers where one usually is. Without
// it the map makes a grid of its own.

import { connect, type ServerFlags } from "../connect.ts";
import { findServer } from "../server-address.ts";
import { environment } from "../../platform/program.ts";

/** A server of this user answers in milliseconds, one across the world in a fraction of this. */
const answerMsMax = 1_500;

/** True when no server was named and none of those known answers. */
export async function isNoServerMeant({ server, url }: ServerFlags): Promise<boolean> {
  if (server !== undefined || url !== undefined) return false;
  if ((environment()["GRIDLIKE_URL"] ?? "") !== "") return false;
  const found = findServer({ name: null, url: null });
  if (typeof found === "string") return false; // Told as what it is: several servers, or a file to mend.
  try {
    const signal = AbortSignal.timeout(answerMsMax);
    await (await connect(found, signal)).stats({ signal });
    return false;
  } catch {
    return true;
  }
}
