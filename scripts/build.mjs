// Transpiles src, test and bench to dist with esbuild, only what changed since the last build. Types are checked by `npm run typecheck`.
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const OUT = join(ROOT, "dist");
const BROWSER = join(ROOT, "src", "portal", "browser");
const ROOMS = ["src", "test", "bench", "examples", join("integrations", "backstage", "src")];

async function filesUnder(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
}

const modified = async (file) => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;

/** Everything that is not TypeScript (web assets, fixtures, templates) is copied beside the code that reads it. */
export async function build() {
  let esbuild;
  const expected = new Set();
  let written = 0;
  for (const room of ROOMS) {
    for (const source of await filesUnder(join(ROOT, room))) {
      const isCode = source.endsWith(".ts") && !source.endsWith(".d.ts");
      const target = join(OUT, relative(ROOT, source)).replace(isCode ? /\.ts$/ : /$^/, ".js");
      expected.add(target);
      if ((await modified(target)) >= (await modified(source)) && (await modified(target)) > 0) continue;
      let content = await readFile(source);
      if (isCode) {
        esbuild ??= await import("esbuild");
        const result = await esbuild.transform(content.toString(), {
          loader: "ts",
          format: "esm",
          target: "node22",
          // What browsers get is small and names no folder of this machine.
          sourcemap: source.startsWith(BROWSER) ? false : "inline",
          sourcefile: source,
        });
        content = result.code;
      }
      await mkdir(dirname(target), { recursive: true });
      // Renamed into place, so that a reader never meets half a file.
      const partial = `${target}.${process.pid}.partial`;
      await writeFile(partial, content);
      await rename(partial, target);
      written += 1;
    }
  }
  // Its helper process would otherwise stay for as long as the program that is started after the build.
  await esbuild?.stop();
  const types = join(OUT, "types");
  for (const old of await filesUnder(OUT)) {
    if (!expected.has(old) && !old.endsWith(".partial") && !old.startsWith(types)) await rm(old, { force: true });
  }
  return written;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build();
}
