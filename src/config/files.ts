import type { Parts } from "./parts.js";

type Configs = Pick<Parts, "workload" | "processes">;

export interface ConfigFile {
  path: string;
  /** Key in the ConfigMap or the Secret. */
  key: string;
  /** Of a file without a secret. */
  content?: string;
  /** Of a file with secrets in it: what stands in the Secret under `key`. */
  template?: string;
}

const SECRET = /\{\{secret:([a-z]([-a-z0-9]*[a-z0-9])?)\}\}/g;

/** Keys of secrets that a file's text names. */
export const secretsIn = (text: string): string[] => [...text.matchAll(SECRET)].map((m) => m[1] ?? "");

/** A file's text with its secrets in it. */
export const withSecrets = (text: string, values: Record<string, string>): string =>
  text.replaceAll(SECRET, (_, key: string) => values[key] ?? "");

/** The files of a process (`web` is the workload). */
export function filesOf({ workload, processes }: Configs, process: string): ConfigFile[] {
  const files = (process === "web" ? workload : processes[process])?.configFiles ?? [];
  return files.map(({ path, content, secret }, i) => {
    if (content === undefined) return { path, key: secret ?? "" };
    const key = `file-${process}-${i}`;
    return secretsIn(content).length === 0 ? { path, key, content } : { path, key, template: content };
  });
}

/** The files of all processes that are made from secrets: key in the Secret → template. */
export function secretFilesOf(config: Configs): Record<string, string> {
  const found: Record<string, string> = {};
  for (const process of ["web", ...Object.keys(config.processes)])
    for (const { key, template } of filesOf(config, process)) if (template !== undefined) found[key] = template;
  return found;
}

/** Every key of the Secret that some process reads: variables, files, and what files name. */
export function secretKeysOf(config: Configs): { key: string; path: (string | number)[] }[] {
  const found: { key: string; path: (string | number)[] }[] = [];
  for (const [name, process] of [["web", config.workload] as const, ...Object.entries(config.processes)]) {
    const at = name === "web" ? ["workload"] : ["processes", name];
    for (const [variable, key] of Object.entries(process.secretEnv)) found.push({ key, path: [...at, "secretEnv", variable] });
    for (const list of ["initContainers", "sidecars"] as const)
      for (const [i, extra] of process[list].entries())
        for (const [variable, key] of Object.entries(extra.secretEnv)) found.push({ key, path: [...at, list, i, "secretEnv", variable] });
    for (const [i, { content, secret }] of process.configFiles.entries())
      for (const key of content === undefined ? [secret ?? ""] : secretsIn(content)) found.push({ key, path: [...at, "configFiles", i] });
  }
  return found;
}
