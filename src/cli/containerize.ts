import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { StackFile } from "../config/stackFile.js";
import { lintDockerfile } from "../containerize/check.js";
import { containerize, listens } from "../containerize/containerize.js";
import { readSources } from "../containerize/readSources.js";
import type { Sources } from "../containerize/sources.js";
import { verifyImage } from "../containerize/verify.js";
import { Conflict, NotFound } from "../errors.js";
import { type Cli, type OutputOptions, prints, STACK } from "./cli.js";
import { print, say } from "./output.js";
import { folderProject } from "./project.js";

interface ContainerizeOptions extends OutputOptions {
  out?: string;
  force?: boolean;
  build?: boolean;
}

/** Phase 2 by hand: the files that an application's repository needs. */
export const containerizeCommand = (cli: Cli): Command =>
  prints(new Command("containerize"))
    .description("write an application's Dockerfile and Kubernetes manifests, and check them")
    .argument(...STACK)
    .option("--out <folder>", "the application's sources (default: a new folder with its name)")
    .option("--force", "replace files that are there and differ")
    .option("--build", "build the image there, run it, ask /health and run its tests (needs Docker or buildah)")
    .action(async (stack: string, options: ContainerizeOptions) => {
      const { stacks } = cli.globals();
      const config = (await StackFile.read(stacks, stack)).shape();
      const { name } = config.application;
      const application = (await folderProject(stacks).inventory()).applications.find((a) => a.name === name);
      if (application === undefined)
        throw new NotFound(`${name} is not in the inventory.`, { next: `Add its row to ${join(stacks, "applications.csv")}.` });
      const folder = resolve(options.out ?? name);
      const { files, findings, testStage } = containerize(application, { ...listens(config), sources: await sourcesIn(folder) });
      // The manifests are the components' own, which take a while to load.
      const { manifests } = await import("../containerize/manifests.js");
      const objects = Object.entries(manifests(config)).map(([file, text]) => [join("k8s", "base", file), text] as const);
      const written = await writeAll(folder, { ...files, ...Object.fromEntries(objects) }, options.force === true);
      const lint = files.Dockerfile === undefined ? { by: "nobody", findings: [] } : await lintDockerfile(files.Dockerfile);
      if (options.build === true) say(`Building ${name} …`);
      const built = options.build === true ? await verifyImage(name, folder, { ...listens(config), testStage }) : undefined;
      print(options.output, { folder, written, findings, lint, ...(built === undefined ? {} : { built }) }, () =>
        [
          ...written.map((f) => `wrote ${join(folder, f)}`),
          files.Dockerfile === undefined
            ? "No Dockerfile was written."
            : `The Dockerfile was checked by ${lint.by}: ${lint.findings.length === 0 ? "no finding" : lint.findings.map((f) => `line ${f.line}: ${f.what} (${f.rule})`).join("; ")}.`,
          ...findings,
          ...(built === undefined ? [] : [built.verified ? built.steps.join(", ") : `Not built: ${built.reason}.`]),
        ].join("\n"),
      );
    });

/** Undefined where the folder is not there yet, or holds only what an earlier run wrote. */
async function sourcesIn(folder: string): Promise<Sources | undefined> {
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  const sources = isThere ? await readSources(folder) : undefined;
  const own = /^(Dockerfile|\.dockerignore|nginx\.conf|start\.sh|k8s\/.*)$/;
  return sources?.files.some((file) => !own.test(file)) ? sources : undefined;
}

/** Writes all or nothing. @throws Conflict for a file of somebody else */
async function writeAll(folder: string, files: Record<string, string>, force: boolean): Promise<string[]> {
  const different: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const there = await readFile(join(folder, name), "utf8").catch(() => undefined);
    if (there !== undefined && there !== text) different.push(name);
  }
  if (different.length > 0 && !force)
    throw new Conflict(`${folder} has ${different.join(", ")} already, with other content; nothing was written.`, {
      next: "Name another folder with --out, or replace them with --force.",
    });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return Object.keys(files);
}
