import { UserError } from "../../../errors.js";
import { looksSecret } from "../../../lib/secrets.js";
import { type Findings, labelOf, type Pod } from "../described.js";
import { type GivenFile, readBeside } from "../given.js";
import { memoryOf } from "../quantities.js";
import { isTree, listed, scalar, shown, type Tree } from "../yamlText.js";

export interface Mounts {
  mounts: NonNullable<Pod["mounts"]>;
  writablePaths: string[];
  configFiles: NonNullable<Pod["configFiles"]>;
  /** Persistent folders: name in `volumes` → what is kept there. */
  volumes: Record<string, string>;
}

interface One {
  kind: "volume" | "bind" | "tmpfs" | "anonymous";
  source: string;
  target: string;
  readOnly: boolean;
  size?: string;
}

const FOLDER = /^(\/[A-Za-z0-9._-]+)+$/;
const SHORT = "[SOURCE:]TARGET[:ro], or a map with type, source and target";
/** A ConfigMap holds no more. */
const MOST_TEXT = 900_000;

/**
 * Folders and files that a service mounts.
 * @param file beside which files of people's own lie
 * @param names of volumes in the stack config, by what they are here: one for all services of an application
 */
export async function readMounts(
  service: Tree,
  at: string,
  file: GivenFile,
  names: Map<string, string>,
  findings: Findings,
): Promise<Mounts> {
  const found: Mounts = { mounts: [], writablePaths: [], configFiles: [], volumes: {} };
  const all = [
    ...listed(service.volumes).map((v, i) => [mountOf(v, `${at}.volumes[${i}]`), `${at}.volumes[${i}]`] as const),
    ...listed(service.tmpfs).map((t, i) => [tmpfsOf(t, `${at}.tmpfs[${i}]`), `${at}.tmpfs[${i}]`] as const),
  ];
  for (const [mount, place] of all) {
    const path = mount.target.replace(/(?<=.)\/+$/, "");
    if (path === "/tmp" && mount.kind !== "bind") continue;
    if (!FOLDER.test(path) || path === "/tmp") {
      findings.ask(place, `the mount at ${path} was not carried over: is it needed, and where else may it lie?`);
      continue;
    }
    if (found.mounts.some((m) => m.path === path) || found.writablePaths.includes(path)) continue;
    if (mount.kind === "tmpfs") found.mounts.push({ path, memory: true, ...(mount.size === undefined ? {} : { sizeLimit: mount.size }) });
    else if (mount.kind === "anonymous") found.writablePaths.push(path);
    else if (mount.kind === "volume") persistent(found, mount, path, names);
    else await bind(found, mount, path, { place, file, names, findings });
  }
  return found;
}

function persistent(found: Mounts, { source, readOnly }: One, path: string, names: Map<string, string>): void {
  const name = names.get(source) ?? freeName(source, new Set(names.values()));
  names.set(source, name);
  found.mounts.push({ path, volume: name, ...(readOnly ? { readOnly } : {}) });
  found.volumes[name] = source;
}

/** Two folders must never become one. */
function freeName(source: string, taken: ReadonlySet<string>): string {
  const end = source
    .replace(/^[.~/]+/, "")
    .split("/")
    .slice(-2)
    .join("-");
  const label = labelOf(end, 36) ?? "data";
  let name = label;
  for (let i = 2; taken.has(name); i += 1) name = `${label}-${i}`;
  return name;
}

/** A folder or a file of the old machine's. */
async function bind(
  found: Mounts,
  mount: One,
  path: string,
  { place, file, names, findings }: { place: string; file: GivenFile; names: Map<string, string>; findings: Findings },
): Promise<void> {
  const { source } = mount;
  if (/^\/(var\/)?run\/|^\/(proc|sys|dev|etc\/(localtime|timezone|hosts|passwd|group))(\/|$)|docker\.sock$/.test(source)) {
    findings.ask(place, `${source} of the machine itself was not carried over: does the application need it?`);
    return;
  }
  const text = /^[~/]/.test(source) ? undefined : await readBeside(file.path, source);
  if (text !== undefined) {
    if (looksSecret("", text))
      findings.ask(
        place,
        `the file ${source} holds what looks like a credential, and was not carried over: which parts of it are secrets (configFiles has places for them)?`,
      );
    else if (text.length > MOST_TEXT)
      findings.ask(place, `the file ${source} is too large for a config file: where does it come from on the new side?`);
    else found.configFiles.push({ path, content: text });
    return;
  }
  if (/\.[a-z0-9]{1,5}$/i.test(path)) {
    findings.ask(
      place,
      `the file ${source} at ${path} was not read, being absent or outside the compose file's folder: what does it say (configFiles)?`,
    );
    return;
  }
  persistent(found, mount, path, names);
}

function mountOf(entry: unknown, at: string): One {
  if (isTree(entry)) return longMount(entry, at);
  const text = scalar(entry) ?? "";
  const parts = /^((?:[A-Za-z]:[\\/])?[^:]*):([^:]+)(?::([\w,]*))?$/.exec(text);
  if (parts === null) {
    if (!text.startsWith("/") || text.includes(":")) throw new UserError({ path: at, got: shown(entry), accepted: SHORT });
    return { kind: "anonymous", source: "", target: text, readOnly: false };
  }
  const [, source = "", target = "", options = ""] = parts;
  const isPath = /^[./~\\]|^[A-Za-z]:[\\/]|^replaceme/.test(source);
  return { kind: isPath ? "bind" : "volume", source, target, readOnly: options.split(",").includes("ro") };
}

function longMount(entry: Tree, at: string): One {
  const kind = scalar(entry.type) ?? "volume";
  const [source = "", target] = [scalar(entry.source), scalar(entry.target)];
  if (target === undefined || !["volume", "bind", "tmpfs"].includes(kind))
    throw new UserError({ path: at, got: shown(entry), accepted: "a map with type volume, bind or tmpfs, and a target" });
  const size = isTree(entry.tmpfs) ? memoryOf(scalar(entry.tmpfs.size) ?? "") : undefined;
  return {
    kind: source === "" && kind === "volume" ? "anonymous" : (kind as One["kind"]),
    source,
    target,
    readOnly: entry.read_only === true,
    ...(size === undefined ? {} : { size }),
  };
}

function tmpfsOf(entry: unknown, at: string): One {
  const [target = "", options = ""] = (scalar(entry) ?? "").split(":");
  if (!target.startsWith("/")) throw new UserError({ path: at, got: shown(entry), accepted: "an absolute path" });
  const size = memoryOf(/(?:^|,)size=([^,]+)/.exec(options)?.[1] ?? "");
  return { kind: "tmpfs", source: "", target, readOnly: false, ...(size === undefined ? {} : { size }) };
}

/** Secrets and configs of a service as files in its container. */
export async function readFiles(
  service: Tree,
  top: { secrets: Tree; configs: Tree },
  at: string,
  file: GivenFile,
  findings: Findings,
): Promise<NonNullable<Pod["configFiles"]>> {
  const files: NonNullable<Pod["configFiles"]> = [];
  const named = (entry: unknown): [string, string | undefined] =>
    isTree(entry) ? [scalar(entry.source) ?? "", scalar(entry.target)] : [scalar(entry) ?? "", undefined];
  const put = (path: string, place: string, rest: { secret: string } | { content: string }): void => {
    if (FOLDER.test(path)) files.push({ path, ...rest });
    else findings.ask(place, `the file at ${path} was not carried over: where is it?`);
  };
  for (const [i, entry] of listed(service.secrets).entries()) {
    const [source, target = source] = named(entry);
    put(target.startsWith("/") ? target : `/run/secrets/${target}`, `${at}.secrets[${i}]`, { secret: labelOf(source) ?? "secret" });
  }
  for (const [i, entry] of listed(service.configs).entries()) {
    const [source, target = `/${source}`] = named(entry);
    const place = `${at}.configs[${i}]`;
    const config = isTree(top.configs[source]) ? (top.configs[source] as Tree) : {};
    const content =
      scalar(config.content) ??
      (scalar(config.file) === undefined ? undefined : await readBeside(file.path, scalar(config.file) as string));
    if (content === undefined)
      findings.ask(place, `what the config ${source} says was not found: what does the file ${target} hold (configFiles)?`);
    else if (looksSecret("", content))
      findings.ask(
        place,
        `the config ${source} holds what looks like a credential, and was not carried over: which parts of it are secrets (configFiles has places for them)?`,
      );
    else put(target.startsWith("/") ? target : `/${target}`, place, { content });
  }
  return files;
}
