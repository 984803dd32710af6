import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { NameServer } from "../../src/adapters/dns/answers.js";

const exec = promisify(execFile);
const START_MS = 15_000;

export const hasNameServer = (): boolean => spawnSync("gdnsd", ["-h"]).error === undefined;

/** What the name answers with. */
export interface Answering {
  /** Percent of the answers with the new side's address. */
  fresh: number;
  /** Seconds, as a resolver is told. */
  ttl: number;
}

/** gdnsd in Route 53's place: each query is answered by the weights, and a change of them loses no query. */
export class Names {
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    readonly server: NameServer & { port: number },
    private readonly label: string,
    private readonly sides: { old: string; fresh: string },
  ) {}

  static async start(folder: string, port: number, host: string, sides: { old: string; fresh: string }, first: Answering): Promise<Names> {
    const [label = "", ...zone] = host.split(".");
    for (const name of ["zones", "run", "state"]) await mkdir(join(folder, name), { recursive: true });
    // Every weight has a resource of its own: changing one is a change of the zone, which is taken over without a restart.
    const weights = Array.from({ length: 99 }, (_, i) => i + 1);
    const resources = weights.map((w) => `w${w} => { old => [ ${sides.old}, ${100 - w} ], new => [ ${sides.fresh}, ${w} ] }`);
    await writeFile(
      join(folder, "config"),
      `options => { listen => "127.0.0.1:${port}", run_dir => "${join(folder, "run")}", state_dir => "${join(folder, "state")}", min_ttl => 1 }
plugins => { weighted => { service_types => up, ${resources.join(", ")} } }
`,
    );
    await writeFile(join(folder, "zones", zone.join(".")), zoneText(label, sides, first));
    const child = spawn("gdnsd", ["-c", folder, "start"], { stdio: ["ignore", "ignore", "pipe"] });
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    let said = "";
    child.stderr.on("data", (data) => {
      said += data;
    });
    const deadline = Date.now() + START_MS;
    while (!/DNS listeners started/.test(said)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill("SIGKILL");
        throw new Error(`gdnsd did not start: ${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return new Names(folder, child, { address: "127.0.0.1", port }, host, sides);
  }

  async set(answering: Answering): Promise<void> {
    const [label = "", ...zone] = this.label.split(".");
    await writeFile(join(this.folder, "zones", zone.join(".")), zoneText(label, this.sides, answering));
    await exec("gdnsdctl", ["-c", this.folder, "reload-zones"]);
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

/** A weight of 0 is no choice of the plugin: the name has one side then. */
function zoneText(label: string, { old, fresh }: { old: string; fresh: string }, answering: Answering): string {
  const { fresh: weight, ttl } = answering;
  const record = weight === 0 ? `A ${old}` : weight === 100 ? `A ${fresh}` : `DYNA weighted!w${weight}`;
  return `@ SOA ns1 hostmaster ( 1 7200 1800 259200 900 )\n@ NS ns1\nns1 A 127.0.0.1\n${label} ${ttl} ${record}\n`;
}
