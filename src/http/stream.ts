import type { Request, Response } from "express";
import type { Migrations } from "../automation/migrations.js";
import { migrationView } from "./views.js";

const KEEP_ALIVE_MS = 15_000;

/** Server-sent events: the view of each migration whenever its journal grows. Ends with the request. */
export function streamProgress(migrations: Migrations, request: Request, response: Response): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", Connection: "keep-alive" });
  response.write(": open\n\n");
  const stop = migrations.onProgress(({ stack, entry, state }) => {
    void migrations.get(stack).then(
      ({ plan }) =>
        response.write(
          `id: ${stack}:${entry.seq}\nevent: ${entry.type}\ndata: ${JSON.stringify(migrationView({ stack, plan, state }, migrations.isRunning(stack)))}\n\n`,
        ),
      () => undefined,
    );
  });
  const beat = setInterval(() => response.write(": still here\n\n"), KEEP_ALIVE_MS);
  request.on("close", () => {
    stop();
    clearInterval(beat);
  });
}
