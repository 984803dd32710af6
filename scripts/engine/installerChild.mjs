// node installerChild.mjs VERSION FOLDER: runs PulumiCommand.install, in a process that its parent can end at a deadline.
import { createRequire } from "node:module";

const [version, root] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const { PulumiCommand } = require("@pulumi/pulumi/automation");
const semver = createRequire(require.resolve("@pulumi/pulumi/package.json"))("semver");

try {
  await PulumiCommand.install({ version: new semver.SemVer(version), root });
} catch (error) {
  process.stderr.write(`${String(error.message).trim().split("\n")[0]}\n`);
  process.exitCode = 1;
}
