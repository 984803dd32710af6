// What is made from the routes of src/http/routes: the OpenAPI document.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** @returns path in the checkout → text; needs the build */
export async function renderApi(root) {
  const { openApi } = await import(pathToFileURL(join(root, "dist", "src", "http", "openapi.js")).href);
  return new Map([[join("docs", "openapi.json"), `${JSON.stringify(openApi(), undefined, 2)}\n`]]);
}
