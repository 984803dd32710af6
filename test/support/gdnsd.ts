import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NameServer } from "../../src/adapters/dns/answers.js";
import { freePort } from "./freePort.js";
import { requirePart } from "./parts.js";
import { tempFolderForSuite } from "./tmp.js";

export interface Weighted {
  /** Address → weight. */
  old: [string, number];
  new: [string, number];
  ttl: number;
}

/** gdnsd: a real authoritative name server with weighted answers, for api.example.com. */
export function gdnsdForSuite() {
  const folder = tempFolderForSuite("gdnsd");
  const running: ChildProcess[] = [];
  let count = 0;

  before(function () {
    requirePart(this, "gdnsd", spawnSync("gdnsd", ["-h"]).error === undefined, "apt-get install gdnsd");
  });
  after("end the name servers", async () => {
    for (const child of running) {
      if (child.exitCode !== null) continue;
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    }
  });

  return {
    async serve({ old, new: fresh, ttl }: Weighted): Promise<NameServer> {
      count += 1;
      const at = join(folder(), String(count));
      const port = await freePort();
      for (const name of ["zones", "run", "state"]) mkdirSync(join(at, name), { recursive: true });
      writeFileSync(
        join(at, "config"),
        `options => { listen => "127.0.0.1:${port}", run_dir => "${join(at, "run")}", state_dir => "${join(at, "state")}" }
plugins => { weighted => { service_types => up, api => { old => [ ${old[0]}, ${Math.max(1, old[1])} ], new => [ ${fresh[0]}, ${Math.max(1, fresh[1])} ] } } }
`,
      );
      // A weight of 0 is no choice of the plugin: the name has one side then.
      const record = old[1] === 0 ? `A ${fresh[0]}` : fresh[1] === 0 ? `A ${old[0]}` : "DYNA weighted!api";
      writeFileSync(
        join(at, "zones", "example.com"),
        `@ SOA ns1 hostmaster ( 1 7200 1800 259200 900 )\n@ NS ns1\nns1 A 127.0.0.1\napi ${ttl} ${record}\n`,
      );
      const child = spawn("gdnsd", ["-c", at, "start"], { stdio: ["ignore", "ignore", "pipe"] });
      running.push(child);
      let said = "";
      child.stderr.on("data", (data) => {
        said += data;
      });
      const deadline = Date.now() + 15_000;
      while (!/DNS listeners started/.test(said)) {
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`gdnsd did not start: ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return { address: "127.0.0.1", port };
    },
  };
}

/** A port that is free for TCP and for UDP. */
