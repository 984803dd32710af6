// npm run release -- VERSION [--check]: closes the changelog's Unreleased part under VERSION, records this version's journals, commits and
// tags. It refuses, with everything that is pending at once, before it changes anything. It pushes and publishes nothing.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { run } from "./children.mjs";
import { Failure, runScript } from "./failure.mjs";

const HEADING = "## Unreleased";
const VERSION = /^(\d+)\.(\d+)\.(\d+)$/;

const isNewer = (version, than) => {
  const [a, b] = [version, than].map((v) => VERSION.exec(v).slice(1).map(Number));
  const i = a.findIndex((part, at) => part !== b[at]);
  return i >= 0 && a[i] > b[i];
};

/** What stands under Unreleased, and the changelog with it under `version`. */
export function released(changelog, version, date) {
  const [before, rest] = changelog.split(`${HEADING}\n`);
  if (rest === undefined) throw new Failure(`CHANGELOG.md has no heading "${HEADING}": restore it.`);
  const end = rest.search(/^## /m);
  const unreleased = (end < 0 ? rest : rest.slice(0, end)).trim();
  const older = end < 0 ? "" : `\n${rest.slice(end)}`;
  return { unreleased, changelog: `${before}${HEADING}\n\n## ${version} - ${date}\n\n${unreleased}\n${older}` };
}

const SKIPPED = /\b(?:it|describe|context)\.(?:only|skip)\(/;

async function skippedTests(root) {
  const files = (await readdir(join(root, "test"), { recursive: true })).filter((name) => name.endsWith(".test.ts"));
  const texts = await Promise.all(files.map((name) => readFile(join(root, "test", name), "utf8")));
  return files.filter((_, i) => SKIPPED.test(texts[i]));
}

/** Everything that keeps this checkout from being released as `version`, each as a sentence; none when it may be. */
export async function pendingFor(root, version) {
  const git = async (...args) => (await run("git", args, { cwd: root })).stdout.trimEnd();
  const { version: current } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  if (!VERSION.test(version ?? "")) throw new Failure(`VERSION is ${version ?? "missing"}; accepted: three numbers, for example 1.2.0.`);
  const changelog = await readFile(join(root, "CHANGELOG.md"), "utf8");
  const [branch, changed, tag, skipped] = await Promise.all([
    git("rev-parse", "--abbrev-ref", "HEAD"),
    git("status", "--porcelain"),
    git("tag", "--list", `v${version}`),
    skippedTests(root),
  ]);
  const pending = [];
  if (branch !== "main") pending.push(`The branch is ${branch}: releases are made on main.`);
  if (changed !== "") pending.push(`Not committed: ${changed.split("\n").length} files, ${changed.split("\n")[0].slice(3)} among them.`);
  if (!isNewer(version, current)) pending.push(`${version} is not newer than ${current} in package.json.`);
  if (tag !== "") pending.push(`The tag v${version} is there already.`);
  if (released(changelog, version, "").unreleased === "") pending.push("CHANGELOG.md has nothing under Unreleased.");
  for (const name of skipped) pending.push(`test/${name} has a test that is skipped, or run alone.`);
  if (pending.length > 0) return pending;
  // Made last, since it takes a build: pages that the code would write otherwise today.
  const docs = await run("npm", ["run", "-s", "docs"], { cwd: root });
  if (docs.code !== 0) return [`The reference pages cannot be made: ${docs.stderr.trim().split("\n").at(-1)}`];
  const stale = await git("status", "--porcelain");
  return stale === ""
    ? []
    : [`Reference pages are older than the code: commit ${stale.split("\n")[0].slice(3)} and the others that changed.`];
}

async function release(root, version) {
  const must = async (command, ...args) => {
    const { code, stderr } = await run(command, args, { cwd: root });
    if (code !== 0) throw new Failure(`${command} ${args[0]} failed: ${stderr.trim().split("\n").at(-1)}`);
  };
  const file = join(root, "CHANGELOG.md");
  const { changelog } = released(await readFile(file, "utf8"), version, new Date().toISOString().slice(0, 10));
  await must("node", "scripts/recordJournals.mjs", version);
  await must("npm", "version", version, "--no-git-tag-version");
  await writeFile(file, changelog);
  await must("git", "add", "-A");
  await must("git", "commit", "-m", `Release ${version}`);
  await must("git", "tag", "-a", `v${version}`, "-m", `cutover ${version}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(async () => {
    const root = fileURLToPath(new URL("..", import.meta.url));
    const [version, option] = process.argv.slice(2);
    const pending = await pendingFor(root, version);
    if (pending.length > 0) throw new Failure(`${version} is not released:\n${pending.map((line) => `  ${line}`).join("\n")}`);
    if (option === "--check") return void process.stdout.write(`Nothing is pending for ${version}.\n`);
    await release(root, version);
    process.stdout.write(`Released ${version} here: look at it with git show, run .ci/run on it, then git push --follow-tags.\n`);
  });
}
