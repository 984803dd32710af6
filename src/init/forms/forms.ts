import { basename, dirname, resolve } from "node:path";
import { printable, UserError } from "../../errors.js";
import { composeName, loadCompose, readCompose } from "./compose/compose.js";
import { type Described, Findings, labelOf } from "./described.js";
import { type GivenFile, readGiven } from "./given.js";
import { readHelm } from "./helm.js";
import { type Kind, kindGiven, kindOf } from "./kinds.js";
import { readProcfile } from "./procfile.js";
import { readSystemd } from "./systemd/systemd.js";
import { partsOf } from "./systemd/unit.js";

export interface FormsOptions {
  /** The application's name. @default what the files say, or their folder's name */
  name?: string;
  /** Which process users reach first. @default the one that the files tell */
  web?: string;
}

export interface ReadForms {
  application: string;
  kind: Kind;
  described: Described;
  findings: Findings;
}

const WORDS: Record<Kind, string> = {
  compose: "docker-compose files",
  procfile: "a Procfile",
  systemd: "systemd units",
  helm: "a chart's values",
};

/**
 * Reads files that say how one application runs: docker-compose files, a Procfile, systemd units or a Helm chart's values.
 * @param given paths, each with its kind before it where the file does not say it: `compose=FILE`
 * @throws UserError naming file and field, what stood there and what is accepted
 */
export async function readForms(given: readonly string[], { name, web }: FormsOptions): Promise<ReadForms> {
  const files: (GivenFile & { kind: Kind })[] = [];
  for (const text of given) {
    const { path, kind } = kindGiven(text);
    const file = await readGiven(path);
    files.push({ ...file, kind: kind ?? kindOf(file) });
  }
  const [first] = files;
  if (first === undefined) throw new UserError({ path: "--from", accepted: "one file at least" });
  const other = files.find((f) => f.kind !== first.kind);
  if (other !== undefined)
    throw new UserError({
      path: "--from",
      got: `${WORDS[first.kind]} (${first.path}) and ${WORDS[other.kind]} (${other.path})`,
      accepted: "files of one kind, which describe one application",
    });
  const findings = new Findings(dirname(first.path));
  if (first.kind === "procfile") {
    if (files.length > 1)
      throw new UserError({ path: "--from", got: `${files.length} Procfiles`, accepted: "one Procfile: each is an application" });
    const application = nameOf(name, undefined, first);
    return { application, kind: "procfile", described: readProcfile(first, application, web, findings), findings };
  }
  if (first.kind === "helm") {
    if (web !== undefined)
      throw new UserError({ path: "--web", got: printable(web), accepted: "nothing for a chart's values, which describe one process" });
    return { application: nameOf(name, undefined, first), kind: "helm", described: readHelm(files, findings), findings };
  }
  if (first.kind === "systemd") {
    const application = nameOf(name, commonName(files), first);
    return { application, kind: "systemd", described: await readSystemd(files, application, web, findings), findings };
  }
  const compose = await loadCompose(files, findings);
  const application = nameOf(name, composeName(compose), first);
  return {
    application,
    kind: "compose",
    described: await readCompose(compose, first, application, { ...(web === undefined ? {} : { web }) }, findings),
    findings,
  };
}

/** @throws UserError where neither the person nor the files tell a usable one */
function nameOf(named: string | undefined, told: string | undefined, { path }: GivenFile): string {
  if (named !== undefined) {
    if (labelOf(named) === named) return named;
    throw new UserError({
      path: "--name",
      got: printable(named),
      accepted: "a lower-case DNS label of at most 40 characters, for example web-api",
    });
  }
  const name = told ?? labelOf(basename(dirname(resolve(path))));
  if (name === undefined)
    throw new UserError({ path: "--name", accepted: "the application's name: neither the files nor their folder tell one" });
  return name;
}

/** `web` and `web-worker` are parts of web. */
function commonName(files: GivenFile[]): string | undefined {
  const names = files.filter((f) => f.path.endsWith(".service")).map((f) => partsOf(basename(f.path)).prefix.split("-"));
  const [first = []] = names;
  const shared = first.filter((_, i) => names.every((words) => words.slice(0, i + 1).join("-") === first.slice(0, i + 1).join("-")));
  return labelOf(shared.join("-")) ?? labelOf(first.join("-"));
}
