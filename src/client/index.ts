import { type ClientOptions, Connection } from "./connection.js";
import { type EventOptions, eventsOf, type MigrationEvent } from "./events.js";
import { Operations } from "./generated.js";
import { pathOf } from "./paths.js";

export { type CallOptions, type ClientOptions, CutoverProblem } from "./connection.js";
export type { EventOptions, MigrationEvent } from "./events.js";
export * from "./generated.js";
export { pagesOf } from "./pages.js";

/**
 * A typed client of the HTTP API, for Node.js and browsers.
 *
 *     const cutover = new CutoverClient({ url: "https://cutover.example.com", token });
 *     await cutover.advance("web-api-production", { extent: "phase" });
 *     for await (const { type, migration } of cutover.events()) console.log(type, migration.stack, migration.status);
 *
 * Each operation of the OpenAPI document is a method: the path's parameters, then the body or the query. Commands carry
 * an idempotency key by themselves and are sent again when an answer is lost.
 */
export class CutoverClient extends Operations {
  private readonly connection: Connection;

  constructor(options: ClientOptions) {
    const connection = new Connection(options);
    super((call) => connection.call(call));
    this.connection = connection;
  }

  /** Events as they happen; a broken connection is made again, and what was missed comes first. */
  events(options?: EventOptions): AsyncGenerator<MigrationEvent, void, undefined> {
    return eventsOf(this.connection, options);
  }

  /**
   * Where an operation's answer is, for a link. Nothing is sent.
   *
   *     cutover.addressOf((api) => api.getReportPage("web-api-production"));
   */
  addressOf(operation: (api: Operations) => unknown): string {
    return this.connection.addressOf(pathOf(operation));
  }
}
