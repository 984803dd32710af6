import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { TokenFolder } from "../../src/access/tokenFolder.js";
import { makeToken } from "../../src/access/tokens.js";
import { FolderStore } from "../../src/automation/store/folderStore.js";
import { EXIT } from "../../src/cli/exitCodes.js";
import { projectRoot } from "../../src/engine/engine.js";
import { NO_FAULTS, STACK } from "../automation/model.js";
import { afterThisTest } from "../support/cleanup.js";
import { spawnForTest } from "../support/processes.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";
import { cutover, MAIN, modelService } from "./service.js";

type Name = keyof typeof EXIT;

/** A service that answers every request alike, for what a well one never says. */
async function answering(status: number, body: string, onRequest: (path: string) => void = () => {}): Promise<string> {
  const server: Server = createServer((request, response) => {
    onRequest(request.url ?? "");
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterThisTest(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const code = async (args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> => (await cutover(args, { env })).code;

/** How each code comes about. */
const CASES: Record<Name, (context: Mocha.Context) => Promise<number | NodeJS.Signals | null>> = {
  ok: () => code(["plan", STACK]),
  bug: async () => code(["status", STACK, "--server", await answering(200, "null")]),
  user: () => code(["status", "--output", "xml"]),
  "not-found": () => code(["plan", "nothing-here"]),
  conflict: async () => {
    const service = await modelService();
    afterThisTest(() => service.close());
    await service.run(["advance", STACK]);
    return (await service.run(["resume", STACK])).code;
  },
  transient: () => code(["status", "--server", "http://127.0.0.1:1"]),
  terminal: async () => {
    const problem = { type: "/problems/terminal", title: "It cannot be done", status: 422, detail: "No." };
    return code(["preview", STACK, "--server", await answering(422, JSON.stringify(problem))]);
  },
  "promise-violation": async () => {
    const state = tempFolder("tampered");
    const store = await FolderStore.open(join(state, "journal"));
    for (const reason of ["one", "two"]) await store.append(STACK, { type: "migration.held", reason }, 1);
    await store.close();
    const file = join(state, "journal", STACK, "journal.ndjson");
    await writeFile(file, (await readFile(file, "utf8")).replace("one", "One"));
    return code(["--state", state, "journal", "verify"], { DATABASE_URL: "" });
  },
  "no-go": async (context) => {
    await requireEngine(context);
    return code(["--state", tempFolder("no-go"), "rehearse", "--stack", "batch-processor-staging", "--fault", "crash@ec2:Never"]);
  },
  unwell: () => code(["doctor", STACK], { PULUMI_BACKEND_URL: `file://${tempFolder("none")}/missing` }),
  held: async () => {
    const service = await modelService();
    afterThisTest(() => service.close());
    service.world.faults = { ...NO_FAULTS, fail: () => "terminal" };
    let last = await service.run(["advance", STACK, "--to", "end"]);
    if (last.code === 0) last = await service.run(["approve", STACK]);
    for (let i = 0; i < 20 && last.code === 0; i += 1) last = await service.run(["advance", STACK, "--to", "end"]);
    return last.code;
  },
  unauthenticated: async () => {
    const service = await modelService();
    afterThisTest(() => service.close());
    return code(["--state", tempFolder("no-token"), "status", "--server", service.url]);
  },
  forbidden: async () => {
    const tokens = new TokenFolder(tempFolder("tokens"));
    const { token, stored } = makeToken({ name: "vera", grants: [{ role: "viewer", applications: undefined, environments: undefined }] });
    await tokens.add(stored);
    const service = await modelService({ access: { tokens } });
    afterThisTest(() => service.close());
    await service.migrations.create(STACK, "alice");
    return code(["advance", STACK], { CUTOVER_SERVER: service.url, CUTOVER_TOKEN: token });
  },
  interrupted: async () => {
    const running = { stack: STACK, status: "running", running: true, lastSeq: 0, entries: [], gates: [], changes: [] };
    let follows = (): void => {};
    const following = new Promise<void>((resolve) => {
      follows = resolve;
    });
    const server = await answering(200, JSON.stringify(running), (path) => path.includes("/journal") && follows());
    const child = spawnForTest(process.execPath, [MAIN, "advance", STACK, "--server", server], { cwd: projectRoot(), stdio: "ignore" });
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
    await following;
    child.kill("SIGINT");
    return ended;
  },
};

describe("exit codes", function () {
  this.timeout(120_000);

  for (const [name, run] of Object.entries(CASES) as [Name, (typeof CASES)[Name]][])
    it(`${EXIT[name]} is ${name}`, async function () {
      expect(await run(this)).to.equal(EXIT[name]);
    });

  it("are documented, each of them and no other", async () => {
    const page = await readFile(join(projectRoot(), "docs", "exit-codes.md"), "utf8");
    const rows = [...page.matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map(([, value, name]) => [name, Number(value)]);
    expect(Object.fromEntries(rows)).to.deep.equal(EXIT);
  });
});
