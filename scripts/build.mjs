// Transpiles src, test and bench to dist with esbuild, only what changed since the last build. Types are checked by `npm run typecheck`.
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const OUT = join(ROOT, "dist");
const BROWSER = join(ROOT, "src", "portal", "browser");
/** What browsers load: each is one file with all that it imports, packages too. */
const BUNDLES = ["portal.ts", "elements.ts"].map((name) => join(BROWSER, name));
const BUNDLED = [join(ROOT, "src"), join(ROOT, "package-lock.json")];
const ROOMS = ["src", "test", "bench", "examples", join("integrations", "backstage", "src")];

async function filesUnder(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
}

const modified = async (file) => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;

/** When the newest of what a bundle is made of was changed. */
async function newestOf(places) {
  const files = await Promise.all(places.map(async (place) => [place, ...(await filesUnder(place))]));
  return Math.max(...(await Promise.all(files.flat().map(modified))));
}

/** Everything that is not TypeScript (web assets, fixtures, templates) is copied beside the code that reads it. */
export async function build() {
  let esbuild;
  const expected = new Set();
  let written = 0;
  const newest = await newestOf(BUNDLED);
  for (const room of ROOMS) {
    for (const source of await filesUnder(join(ROOT, room))) {
      const isCode = source.endsWith(".ts") && !source.endsWith(".d.ts");
      const target = join(OUT, relative(ROOT, source)).replace(isCode ? /\.ts$/ : /$^/, ".js");
      expected.add(target);
      const isBundle = BUNDLES.includes(source);
      if ((await modified(target)) >= (isBundle ? newest : await modified(source)) && (await modified(target)) > 0) continue;
      let content = await readFile(source);
      if (isBundle) {
        esbuild ??= await import("esbuild");
        const made = await esbuild.build({
          ...{ entryPoints: [source], bundle: true, write: false, format: "esm", platform: "browser", target: "es2022" },
          ...{ minify: true, legalComments: "none" },
        });
        content = made.outputFiles[0].contents;
      } else if (isCode) {
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
