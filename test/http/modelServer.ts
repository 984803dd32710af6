import type { Migrations } from "../../src/automation/migrations.js";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server.js";
import { type ModelParts, modelService } from "../automation/modelService.js";

/** The real service, over HTTP, over the model of the far side: no engine, no time. */
export interface ModelServer extends ModelParts {
  server: RunningServer;
  migrations: Migrations;
  close(): Promise<void>;
}

export async function openModelServer(options: Partial<ServerOptions> = {}, parts = modelService()): Promise<ModelServer> {
  const migrations = parts.start({ holder: "this service" });
  const server = await startServer({ port: 0, log: () => undefined, ...options, migrations });
  return {
    ...parts,
    server,
    migrations,
    close: async () => {
      await server.close();
      await migrations.close();
    },
  };
}
