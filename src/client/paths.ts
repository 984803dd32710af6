import { queryOf } from "./connection.js";
import { Operations } from "./generated.js";

/** The path of an operation with its query: nothing is sent. */
export function pathOf(operation: (api: Operations) => unknown): string {
  let path = "";
  operation(
    new Operations((call) => {
      path = call.path + queryOf(call.query);
      return new Promise(() => undefined);
    }),
  );
  return path;
}
