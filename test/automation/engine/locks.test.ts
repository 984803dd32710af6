import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { PROVIDERS } from "../../../src/adapters/providers.js";
import { StackDriver } from "../../../src/automation/engine/driver.js";
import { isProvenDead, type Whereabouts } from "../../../src/automation/engine/locks.js";
import { containerStart, engineStart, thisSystem } from "../../../src/automation/engine/system.js";
import type { EngineStart } from "../../../src/automation/journal/records.js";
import { lockPlace } from "../../../src/engine/lockPlaces.js";
import { Conflict, Transient } from "../../../src/errors.js";
import type { LockPlace } from "../../../src/ports/providers.js";
import { motoForSuite } from "../../support/moto.js";
import { tempFolder } from "../../support/tmp.js";

const NOON = Date.parse("2026-01-12T12:00:00Z");
const at = (minutes: number): string => new Date(NOON + minutes * 60_000).toISOString();

describe("the proof that the process of an engine's lock is dead", () => {
  const DEAD = 4_242;
  const here: Whereabouts = { host: "here", system: "boot-1 pid:[1]", container: undefined, alive: (pid) => pid !== DEAD };
  const lock = { pid: DEAD, host: "here", since: at(1) };
  const begun: EngineStart = { system: "boot-1 pid:[1]", at: at(0) };
  const pod = { ...here, container: NOON + 5 * 60_000 };

  const cases: [string, boolean, Parameters<typeof isProvenDead>][] = [
    ["on a folder: its number is free on this host", true, [lock, "folder", undefined, here]],
    ["on a folder: its number is taken", false, [{ ...lock, pid: 1 }, "folder", undefined, here]],
    ["on a folder: it is another host's", false, [{ ...lock, host: "there" }, "folder", begun, here]],
    ["in a bucket: cutover began it here, and its number is free", true, [lock, "bucket", begun, here]],
    ["in a bucket: cutover began it here, and its number is taken", false, [{ ...lock, pid: 1 }, "bucket", begun, here]],
    ["in a bucket: a host of that name, but nothing that cutover began", false, [lock, "bucket", undefined, here]],
    ["in a bucket: older than what cutover began", false, [{ ...lock, since: at(-1) }, "bucket", begun, here]],
    ["in a bucket: begun on another system with the same name", false, [lock, "bucket", { ...begun, system: "boot-2 pid:[1]" }, here]],
    [
      "in a bucket: begun on a system that cannot be told from others",
      false,
      [lock, "bucket", { at: at(0) }, { ...here, system: undefined }],
    ],
    ["in a bucket: another host's, whatever was begun here", false, [{ ...lock, host: "there" }, "bucket", begun, here]],
    ["in a bucket: of an earlier container of this Pod", true, [{ ...lock, pid: 1 }, "bucket", undefined, pod]],
    ["in a bucket: of this container of this Pod", false, [{ ...lock, since: at(6), pid: 1 }, "bucket", begun, pod]],
    ["in a bucket: of another Pod", false, [{ ...lock, host: "there" }, "bucket", begun, pod]],
    ["in a bucket: a time that nobody can read", false, [{ ...lock, since: "soon" }, "bucket", begun, pod]],
  ];
  for (const [what, dead, args] of cases)
    it(`${dead ? "holds" : "does not hold"} ${what}`, () => expect(isProvenDead(...args)).to.equal(dead));

  it("knows this system by its boot and its space of process numbers", function () {
    if (process.platform !== "linux") this.skip();
    expect(thisSystem()).to.match(/^[-0-9a-f]{36} pid:\[\d+\]$/);
    expect(engineStart(new Date(NOON))).to.deep.equal({ system: thisSystem(), at: at(0) });
  });

  it("knows when a Pod's container began, and knows nothing outside a Pod", () => {
    const proc = tempFolder("proc");
    writeFileSync(join(proc, "stat"), `cpu 1 2\nbtime ${NOON / 1_000}\n`);
    const first = `1 (tini (x) y) S 0 1 1 ${Array(15).fill(0).join(" ")} 12345 0 0`;
    mkdirSync(join(proc, "1"));
    writeFileSync(join(proc, "1", "stat"), first);
    expect(containerStart({ POD_NAME: hostname() }, proc)).to.equal(NOON + 123_450);
    expect(containerStart({ POD_NAME: "another" }, proc)).to.equal(undefined);
    expect(containerStart({}, proc)).to.equal(undefined);
    const real = containerStart({ POD_NAME: hostname() });
    if (process.platform === "linux") expect(real).to.be.within(Date.parse("2020-01-01"), Date.now());
  });
});

describe("engine locks in a bucket", function () {
  this.timeout(60_000);
  const moto = motoForSuite();
  const LOCKS = ".pulumi/locks/organization/cutover/web-api-staging";
  const backend = (bucket: string) => `s3://${bucket}?region=us-east-2&endpoint=${moto.endpoint()}&s3ForcePathStyle=true`;
  const place = (bucket: string): LockPlace => lockPlace(backend(bucket)) as LockPlace;

  before("a bucket", async () => {
    const { s3 } = moto.clients();
    await s3.send(new CreateBucketCommand({ Bucket: "state", CreateBucketConfiguration: { LocationConstraint: "us-east-2" } }));
  });
  const put = (Key: string, body: object | string) =>
    moto.clients().s3.send(new PutObjectCommand({ Bucket: "state", Key, Body: typeof body === "string" ? body : JSON.stringify(body) }));
  const lockOf = (change: object = {}) => ({
    pid: 2 ** 22 + 7,
    username: "root",
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    ...change,
  });
  const driver = () =>
    new StackDriver({
      projectDir: ".",
      stacksFolder: ".",
      scratch: ".",
      project: "cutover",
      program: "",
      environment: { env: {}, providers: PROVIDERS, findCreated: async () => undefined },
      env: { PULUMI_BACKEND_URL: backend("state") },
      lockPatienceMs: 0,
    });
  const clear = (begun?: EngineStart) => driver().clearDeadLocks("web-api-staging", begun);
  const left = async () => (await place("state").list(LOCKS)).sort();

  afterEach(async () => {
    for (const name of await left()) await place("state").remove(`${LOCKS}/${name}`);
  });

  it("are cleared where cutover began the update here and its engine has ended, and only those", async () => {
    const begun = engineStart(new Date(Date.now() - 1_000));
    await put(`${LOCKS}/${randomUUID()}.json`, lockOf());
    expect(await clear(begun)).to.deep.equal([`Cleared the engine lock of process ${2 ** 22 + 7}, which has ended.`]);
    expect(await left()).to.deep.equal([]);
  });

  const staying: [string, object | string, string][] = [
    ["of a process that is alive", { pid: process.pid }, `process ${process.pid} of root on ${hostname()}`],
    ["of another host", { hostname: "elsewhere" }, "on elsewhere since"],
    ["that began before cutover's update", { timestamp: "2026-01-01T00:00:00Z" }, "since 2026-01-01T00:00:00Z"],
    ["that was cut off while it was written", "{", "on unknown since unknown"],
  ];
  for (const [what, change, message] of staying)
    it(`stay, and hold the stack with a name: one ${what}`, async () => {
      await put(`${LOCKS}/a.json`, typeof change === "string" ? change : lockOf(change));
      const error = await clear(engineStart(new Date(Date.now() - 1_000))).catch((e: Error) => e);
      expect(error).to.be.instanceOf(Conflict).with.property("message").that.contains(message);
      expect(await left()).to.deep.equal(["a.json"]);
    });

  it("stay when a shell left them: nothing says that cutover began them", async () => {
    await put(`${LOCKS}/a.json`, lockOf());
    expect(await clear().catch((e: Error) => e)).to.be.instanceOf(Conflict);
    expect(await left()).to.deep.equal(["a.json"]);
  });

  it("are of one stack, and lie below the folder that the backend names", async () => {
    await put(`team/${LOCKS}/b.json`, lockOf());
    await put(".pulumi/locks/organization/cutover/web-api-staging-2/c.json", lockOf());
    expect(await left()).to.deep.equal([]);
    const below = lockPlace(backend("state/team")) as LockPlace;
    expect(await below.list(LOCKS)).to.deep.equal(["b.json"]);
    expect(await below.read(`${LOCKS}/b.json`)).to.contain(hostname());
    expect(await below.read(`${LOCKS}/gone.json`)).to.equal(undefined);
  });

  it("that cannot be listed are a passing failure that names the bucket", async () => {
    const error = await place("nowhere")
      .list(LOCKS)
      .catch((e: Error) => e);
    expect(error)
      .to.be.instanceOf(Transient)
      .with.property("message")
      .that.contains("The engine's locks in s3://nowhere could not be listed");
    expect(lockPlace("gs://bucket")).to.equal(undefined);
  });
});
