// Known vulnerabilities in what the service runs with: `node scripts/audit.mjs`. Fails on a high or critical one, and on a
// package whose content the lock file does not pin; a registry that cannot be asked is told, and fails nothing.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SERIOUS = ["high", "critical"];

/** Advisories that do not reach cutover, by their address, each with the reason. */
const WAIVED = {};

/** Packages of a lock file that no checksum pins. */
export function unpinned({ packages }) {
  return Object.entries(packages)
    .filter(([path, p]) => path !== "" && p.link !== true && p.inBundle !== true && p.integrity === undefined)
    .map(([path]) => path);
}

/** What a report of `npm audit --json` comes to. */
export function judge(report, waived = WAIVED) {
  if (report.vulnerabilities === undefined)
    return { asked: false, serious: [], note: `the registry was not asked: ${report.message ?? report.error?.summary ?? "no report"}` };
  const advisories = Object.values(report.vulnerabilities).flatMap((v) => v.via.filter((a) => typeof a === "object"));
  const serious = [...new Map(advisories.map((a) => [a.url, a])).values()]
    .filter((a) => SERIOUS.includes(a.severity) && waived[a.url] === undefined)
    .map((a) => `${a.name} ${a.range}: ${a.title} (${a.severity}, ${a.url})`);
  return { asked: true, serious, note: `${advisories.length} advisories, ${serious.length} of them high or critical` };
}

function npmAudit() {
  return new Promise((resolve) => {
    execFile("npm", ["audit", "--omit=dev", "--json"], { cwd: ROOT, maxBuffer: 64 * 1_024 * 1_024 }, (_, stdout) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        resolve({ message: "npm gave no report" });
      }
    });
  });
}

async function main() {
  const loose = unpinned(JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")));
  const { serious, note } = judge(await npmAudit());
  for (const line of [...loose.map((p) => `${p} is pinned by no checksum`), ...serious, note]) process.stdout.write(`${line}\n`);
  return loose.length + serious.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main();
