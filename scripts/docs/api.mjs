// What is made from the routes of src/http/routes: the OpenAPI document, and the typed client from that.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { renderClient } from "./client.mjs";

/** @returns path in the checkout → text; needs the build */
export async function renderApi(root) {
  const { openApi } = await import(pathToFileURL(join(root, "dist", "src", "http", "openapi.js")).href);
  const document = openApi();
  return new Map([
    [join("docs", "openapi.json"), `${JSON.stringify(document, undefined, 2)}\n`],
    [join("src", "client", "generated.ts"), renderClient(JSON.parse(JSON.stringify(document)))],
  ]);
}
