import { createSqlitePlace } from "../support/sqlite-store.ts";
import { describeJobStore } from "./job-store.ts";

describeJobStore("SQLite", async () => {
  const place = createSqlitePlace();
  const jobs = place.open();
  return {
    jobs,
    close: async () => {
      await jobs.close();
      place.remove();
    },
  };
});
