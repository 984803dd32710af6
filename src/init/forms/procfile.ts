import { UserError } from "../../errors.js";
import { requireKey } from "./choose.js";
import { type Described, type DescribedProcess, type Findings, literal, processNames } from "./described.js";
import type { GivenFile } from "./given.js";
import { roleOf } from "./roles.js";
import { shellWords } from "./words.js";

/** As Heroku and its like set it where nobody does. */
const PORT = 3_000;

/** What a Procfile says: process types and their commands, by Heroku's conventions. @throws UserError naming the line */
export function readProcfile({ path, text }: GivenFile, application: string, named: string | undefined, findings: Findings): Described {
  const types = new Map<string, { command: string; at: string }>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "" || /^\s*#/.test(line)) continue;
    const at = `${path} line ${i + 1}`;
    const [, type = "", command = ""] = /^\s*([A-Za-z0-9_-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (type === "" || command === "")
      throw new UserError({
        path: at,
        got: type === "" ? "a line without a process type" : `${type} without a command`,
        accepted: "TYPE: COMMAND, for example web: bundle exec puma",
      });
    if (types.has(type)) throw new UserError({ path: at, got: `${type} again`, accepted: "each process type once" });
    types.set(type, { command, at });
  }
  if (types.size === 0) throw new UserError({ path, got: "no process type", accepted: "TYPE: COMMAND, for example web: bundle exec puma" });
  findings.ask(
    path,
    "a Procfile names no variables (heroku config does): which are there, which of them are secrets, and which data stores do they name?",
  );
  findings.ask(path, "a Procfile names no image: under which name and version does the registry have it?");
  const web = named ?? (types.has("web") ? "web" : undefined);
  if (named !== undefined) requireKey("--web", named, Object.fromEntries(types));
  const names = processNames(application, [...types.keys()], web);
  const processes = [...types].map(([type, { command, at }]): DescribedProcess => {
    const isWeb = type === web;
    const role = isWeb
      ? { role: "web" as const }
      : type === "release"
        ? { role: "release" as const }
        : type === "clock"
          ? { role: "singleton" as const }
          : roleOf({ name: type, command, listens: false });
    if ("question" in role && role.question !== undefined && type !== "worker") findings.ask(at, `${type}: ${role.question}`);
    if (/&\s*$|\s&\s/.test(command)) findings.ask(at, `${type} starts something in the background: which process is that?`);
    return {
      name: names.get(type) ?? type,
      role: role.role,
      pod: {
        command: shellWords(command).map(literal),
        env: isWeb ? { PORT: String(PORT) } : {},
        ...(isWeb ? { containerPort: PORT } : {}),
      },
    };
  });
  if (web !== undefined) findings.note(`${path}: ${web}`, `listens on PORT, as Heroku sets it: ${PORT} was taken`);
  return { processes, volumes: [], stores: [], hosts: [] };
}
