import type { DatabaseEngine } from "../engine.js";
import { sqlDataPort, sqlObservations, sqlReadiness } from "./dataPort.js";
import { sessionsOf } from "./users.js";

/** PostgreSQL 13 to 18, with its logical replication. */
export const postgresql: DatabaseEngine = {
  open: (options) => ({
    source: "postgresql",
    data: sqlDataPort(options),
    readings: sqlObservations(options),
    refused: sqlReadiness(options),
    oldUsers: async () => sessionsOf(await options.endpoint("old")),
  }),
};
