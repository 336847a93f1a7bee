import { createMemoryJobStore } from "../../src/store/memory/memory-job-store.ts";
import { describeJobStore } from "./job-store.ts";

describeJobStore("memory", async () => {
  const jobs = createMemoryJobStore({ batchSize: 3 });
  return { jobs, close: () => jobs.close() };
});
