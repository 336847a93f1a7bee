// The conversations of docs/protocol, played against the real server: what is written there is what it does.

import { test } from "bun:test";
import { actByApi, playTranscript } from "../support/play-worker.ts";
import { openRealServer, realApiKey, realWorkerToken } from "../support/real-server.ts";
import { readTranscript, transcriptsForServers } from "../support/vectors.ts";

for (const name of transcriptsForServers()) {
  test(`the server keeps to the conversation ${name}`, async () => {
    await using server = await openRealServer();
    const url = `${server.api.replace("http", "ws")}/worker`;
    const act = actByApi(server.api, realApiKey, async () => {
      await server.stop();
      await server.start();
    });
    await playTranscript(readTranscript(name), url, realWorkerToken, act);
  });
}
