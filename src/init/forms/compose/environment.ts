import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { UserError } from "../../../errors.js";
import type { Findings } from "../described.js";
import { type GivenFile, readBeside } from "../given.js";
import type { Variables } from "../variables.js";
import { isTree, listed, scalar, shown, type Tree } from "../yamlText.js";

/** Variables of a service, those of its files first. */
export async function readEnvironment(service: Tree, at: string, file: GivenFile, findings: Findings): Promise<Variables> {
  const variables: Variables = {};
  for (const entry of listed(service.env_file)) {
    const path = isTree(entry) ? scalar(entry.path) : scalar(entry);
    if (path === undefined)
      throw new UserError({ path: `${at}.env_file`, got: shown(entry), accepted: "a path, a list of paths, or maps with path" });
    const text = await readBeside(file.path, path);
    if (text === undefined)
      findings.ask(
        `${at}.env_file`,
        `${path} was not read: it is not there, or outside the compose file's folder. Which variables does it set?`,
      );
    else {
      findings.note(join(dirname(file.path), path), "was read as a file of variables");
      Object.assign(variables, parseEnv(text));
    }
  }
  for (const [name, value] of Object.entries(isTree(service.environment) ? service.environment : {})) {
    const text = scalar(value);
    if (text === undefined && value !== null)
      throw new UserError({ path: `${at}.environment.${name}`, got: shown({ [name]: value }), accepted: "a text or a number" });
    // One without a value comes from the shell that runs Compose, or from the files before it.
    if (text !== undefined || !(name in variables)) variables[name] = text;
  }
  return variables;
}
