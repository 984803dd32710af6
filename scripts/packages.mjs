// Installs the npm packages when node_modules does not match package-lock.json. Uses nothing but Node.js itself.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./children.mjs";
import { cacheFolder } from "./engine/find.mjs";
import { takeLock } from "./engine/lock.mjs";
import { Failure, machineFailure } from "./failure.mjs";
import { startProgress, waitingFor } from "./progress.mjs";

const STAMP = "node_modules/.cutover-lock-hash";
const readText = (file) => readFile(file, "utf8").catch(() => undefined);

/** npm writes what it has installed to node_modules/.package-lock.json at the very end: does it say the same as the lock? */
function installedAsLocked(lockText, installedText) {
  if (installedText === undefined) return false;
  const locked = JSON.parse(lockText).packages;
  const installed = JSON.parse(installedText).packages;
  const asLocked = ([path, entry]) => {
    const there = installed[path];
    // Optional packages are for other systems when they are not there.
    if (there === undefined) return path === "" || entry.optional === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  };
  return Object.entries(locked).every(asLocked);
}

export async function packagesAreCurrent(root) {
  const lockText = await readText(join(root, "package-lock.json"));
  if (lockText === undefined) throw new Failure("package-lock.json is missing: restore it with `git checkout package-lock.json`.");
  const hash = createHash("sha256").update(lockText).digest("hex");
  if ((await readText(join(root, STAMP))) === hash) return true;
  if (!installedAsLocked(lockText, await readText(join(root, "node_modules/.package-lock.json")))) return false;
  await writeFile(join(root, STAMP), hash);
  return true;
}

async function npmCi(root, env) {
  const total = Object.keys(JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")).packages).length - 1;
  let fetched = 0;
  const progress = startProgress("installing npm packages", { detail: () => `${Math.min(fetched, total)} fetched, ${total} at most` });
  const onLine = (line) => (fetched += /^npm http (fetch|cache) .*\.tgz/.test(line) ? 1 : 0);
  // Without a network npm's own pauses would keep a person waiting for more than a minute.
  const pauses = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=8000"];
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=http", ...pauses];
  const { code, stderr, failed } = await run("npm", args, { cwd: root, env, onLine });
  if (code === 0) {
    progress.done("npm packages installed");
    return;
  }
  progress.stop();
  if (failed === "ENOENT")
    throw new Failure("npm is not on PATH: install Node.js with npm from https://nodejs.org and run the same command again.");
  const errors = stderr.split("\n").filter((line) => line.startsWith("npm error"));
  if (/EUSAGE/.test(errors.join()) && /in sync/.test(errors.join())) {
    const missing = errors.filter((line) => /(Missing|Invalid): /.test(line)).map((line) => line.replace(/^npm error /, ""));
    throw new Failure(`package.json and package-lock.json do not agree (${missing.slice(0, 2).join("; ")}): run \`npm install\`.`);
  }
  const known = machineFailure(errors.join("\n"), { doing: "installing npm packages", where: root });
  const said = errors.map((line) => line.replace(/^npm error (code )?/, "").trim()).filter((line) => line !== "");
  throw known ?? new Failure(`npm ci failed: ${said.slice(0, 3).join(" / ") || `exit code ${code}`}.`);
}

/** Two set-ups of one checkout at once must not both empty node_modules: the second waits, and finds it done. */
export async function ensurePackages(root, { env = process.env, say } = {}) {
  if (await packagesAreCurrent(root)) return;
  const name = createHash("sha256").update(root).digest("hex").slice(0, 16);
  const onWait = (owner) => waitingFor(say, owner, "installing npm packages");
  const release = await takeLock(join(cacheFolder(env), "..", "checkouts", `${name}.lock`), { onWait });
  try {
    if (await packagesAreCurrent(root)) return;
    await npmCi(root, env);
    await packagesAreCurrent(root);
  } finally {
    await release();
  }
}
