import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { verifyChain } from "../../src/automation/journal/chain.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { versionAt } from "../support/otherVersion.js";
import { requirePart } from "../support/parts.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";
import { requireEngine } from "../support/sandbox.js";
import { post, read, type Service, sharedParts, startService, view } from "../support/serviceProcesses.js";
import { tempFolder } from "../support/tmp.js";

/** What is updated from: the newest version before what this one changed of the journal and of leases. */
const OLD = "7058768";
const MINUTE = 60_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Users who move: their emergency has somebody to send back. */
const WITH_USERS = {
  "cutover:ingress": { host: "users.example.com", certificateArn: "arn:aws:acm:us-east-2:123456789012:certificate/abc123" },
  "cutover:old": { addresses: ["1.2.3.4"] },
  "cutover:dns": { zoneId: "Z1234567890ABC", steps: [50, 100], lowTtlForSeconds: 60 },
};

describe("a rolling update between two versions over one PostgreSQL", function () {
  this.timeout(30 * MINUTE);
  const postgres = postgresForSuite();

  it("[safety-6] goes forward and back under load: both answer every look, nothing happens twice, and either sends users back", async function () {
    await requireEngine(this);
    const version = await versionAt(OLD);
    requirePart(this, `the version of commit ${OLD}`, version !== undefined, "git fetch --unshallow");
    const program = { old: join(version ?? "", "dist", "test", "support", "serviceProcess.js"), present: undefined };
    const server = await postgres.primary("rolling");
    const parts = await sharedParts(server, tempFolder("rolling"), ["east", "west"], { more: WITH_USERS });
    const [east = "", west = ""] = parts.stacks;
    const start = (name: "old" | "present", n: number) => startService(parts.settings(`${name}-${n}`), program[name]);
    const looked = { looks: 0, faults: [] as string[] };
    const running = new Set<Service>();
    let over = false;
    try {
      const old = await start("old", 1);
      running.add(old);
      const looking = (async () => {
        while (!over) {
          await look(running, parts.stacks, looked);
          await pause(1_000);
        }
      })();
      for (const stack of parts.stacks) expect(await post(old, "", { stack })).to.equal(201);

      // The new version joins while the old one is at work, and each is asked.
      await Promise.all(parts.stacks.map((stack) => goTo(old, stack, "rollout.", looked)));
      const present = await start("present", 1);
      running.add(present);
      await Promise.all([goTo(old, east, "traffic.dns-50", looked), goTo(present, west, "traffic.dns-50", looked)]);
      await sendBack(present, east, parts.sandbox);
      await sendBack(old, west, parts.sandbox);

      // The old one leaves, and comes back; the present one leaves.
      await stop(old, running);
      await Promise.all(parts.stacks.map((stack) => goTo(present, stack, "traffic.dns-100", looked)));
      const again = await start("old", 2);
      running.add(again);
      await stop(present, running);
      await sendBack(again, east, parts.sandbox);

      // What the old one does not know it leaves to the present one.
      const last = await start("present", 2);
      running.add(last);
      await Promise.all(parts.stacks.map((stack) => goTo(last, stack, undefined, looked)));
      over = true;
      await looking;
    } finally {
      over = true;
      await parts.close();
    }
    expect(looked.looks).to.be.greaterThan(20);
    expect(looked.faults).to.deep.equal([]);
    await requireOnce(server, parts);
  });
});

/** Every look at every migration, at each process. A verification asks the engine, and is not made each time. */
async function look(services: ReadonlySet<Service>, stacks: readonly string[], looked: { looks: number; faults: string[] }): Promise<void> {
  const verifies = looked.looks % 5 === 0;
  for (const service of [...services])
    for (const path of ["", ...stacks.flatMap((s) => [`/${s}`, `/${s}/journal`, `/${s}/plan`, ...(verifies ? [`/${s}/verify`] : [])])]) {
      const answer = await read(service, path).catch(() => undefined);
      // One that is ending answers nobody, and one that was not begun is not there.
      if (answer === undefined || answer.status === 404 || !services.has(service)) continue;
      looked.looks += 1;
      if (answer.status !== 200) looked.faults.push(`${path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`);
    }
}

/** Forward, asking and answering, until the step at the position begins like that, or the migration is over. */
async function goTo(service: Service, stack: string, step: string | undefined, looked: { faults: string[] }): Promise<void> {
  for (const deadline = Date.now() + 8 * MINUTE; ; await pause(300)) {
    expect(Date.now(), `${stack} takes too long: ${service.errors()} ${looked.faults.at(-1)}`).to.be.below(deadline);
    const now = await view(service, stack);
    if (now.status === "completed") return;
    const position = now.step?.id ?? "";
    if (step !== undefined && position.startsWith(step) && now.status === "ready") return;
    if (now.status === "ready") await post(service, `/${stack}/advance`, { extent: "step" });
    else if (now.status === "approval") await post(service, `/${stack}/approve`, { step: position }, "bob");
    else if (now.status === "held") await post(service, `/${stack}/resume`, {});
  }
}

async function sendBack(service: Service, stack: string, sandbox: Awaited<ReturnType<typeof sharedParts>>["sandbox"]): Promise<void> {
  expect(await post(service, `/${stack}/emergency`, { why: "a test", insist: true }), service.errors()).to.equal(202);
  const weights = (await sandbox.effects(stack)).filter((e) => e.kind === "route53:SetWeights");
  expect(weights.length, "weights were set").to.be.greaterThan(0);
  for (const deadline = Date.now() + 2 * MINUTE; ; await pause(200)) {
    const now = await view(service, stack);
    if (now.status === "held") return;
    expect(Date.now(), `${stack}: ${now.status} ${service.errors()}`).to.be.below(deadline);
  }
}

async function stop(service: Service, running: Set<Service>): Promise<void> {
  running.delete(service);
  const ended = once(service.child, "exit");
  service.child.kill("SIGTERM");
  await ended;
}

async function requireOnce(server: Postgres, { stacks, sandbox }: Awaited<ReturnType<typeof sharedParts>>): Promise<void> {
  const store = await SqlStore.open(urlOf(server));
  try {
    for (const stack of stacks) {
      expect(verifyChain(await store.entries(stack))).to.deep.equal([]);
      expect(await sandbox.violations(stack)).to.deep.equal([]);
      const keys = (await sandbox.effects(stack)).flatMap((e) => (e.key === undefined ? [] : [`${e.kind} ${e.key}`]));
      expect(new Set(keys).size, "each effect once").to.equal(keys.length);
    }
  } finally {
    await store.close();
  }
}
