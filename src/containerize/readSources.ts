import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { NotFound } from "../errors.js";
import { type Sources, sourcesOf } from "./sources.js";

/** Not sources: what tools fetch or make. */
const SKIPPED = new Set([
  "node_modules",
  ".git",
  "dist",
  "build",
  "target",
  "vendor",
  ".venv",
  "venv",
  "__pycache__",
  "bin",
  "obj",
  ".next",
]);
/** Files that say how an application is built or where it begins. */
const TELLING =
  /(^|\/)(package\.json|angular\.json|\.nvmrc|\.node-version|\.yarnrc\.yml|vite\.config\.\w+|next\.config\.\w+|requirements[\w-]*\.txt|pyproject\.toml|\.python-version|runtime\.txt|Pipfile|manage\.py|wsgi\.py|asgi\.py|app\.py|main\.py|pom\.xml|build\.gradle(\.kts)?|go\.mod|global\.json|composer\.json|Gemfile(\.lock)?|\.ruby-version|\.tool-versions)$|\.csproj$|\.go$/;
const DEEPEST = 5;
const MOST_FILES = 20_000;
const MOST_BYTES = 512 * 1_024;

/** @throws NotFound without the folder */
export async function readSources(folder: string): Promise<Sources> {
  const files: string[] = [];
  const visit = async (at: string, depth: number): Promise<void> => {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && depth < DEEPEST && !SKIPPED.has(entry.name)) await visit(path, depth + 1);
      else if (entry.isFile() && files.length < MOST_FILES) files.push(relative(folder, path).split(sep).join("/"));
    }
  };
  await visit(folder, 0).catch((cause) => {
    throw new NotFound(`The sources in ${folder} cannot be read.`, { cause, next: "Name the folder with the application's sources." });
  });
  const telling = await Promise.all(
    files
      .filter((file) => TELLING.test(file))
      .map(async (file) => [file, (await readFile(join(folder, file), "utf8")).slice(0, MOST_BYTES)]),
  );
  return sourcesOf(Object.fromEntries(telling) as Record<string, string>, files);
}
