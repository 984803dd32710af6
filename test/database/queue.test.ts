import { expect } from "chai";
import PgBoss10 from "pg-boss-10";
import { openQueue, type Queue } from "../../src/database/queue.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";
import { tempFolderForSuite } from "../support/tmp.js";

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 400 && !(await holds()); i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await holds()).to.equal(true);
};

function queueContract(name: string, url: () => string | Promise<string>): void {
  describe(`the queue on ${name}`, function () {
    this.timeout(60_000);
    let queue: Queue;
    const errors: Error[] = [];
    const open = async (): Promise<Queue> => {
      queue = await openQueue(await url(), (error) => errors.push(error));
      return queue;
    };
    before(open);
    after(() => queue?.close());

    it("tries a job again until its handler has done it", async () => {
      const tries: object[] = [];
      await queue.work("flaky", async (data) => {
        tries.push(data);
        if (tries.length < 3) throw new Error("not yet");
      });
      await queue.send("flaky", { n: 1 }, { retryDelaySeconds: 1 });
      await until(() => tries.length === 3);
      expect(tries).to.deep.equal([{ n: 1 }, { n: 1 }, { n: 1 }]);
      await until(async () => (await queue.depths()).flaky === 0);
    });

    it("keeps jobs over a restart, and of the same key only one", async () => {
      for (const n of [1, 2]) await queue.send("later", { n }, { key: "same" });
      await queue.send("later", { n: 3 });
      expect((await queue.depths()).later).to.equal(2);
      await queue.close();
      const done: unknown[] = [];
      await (await open()).work<{ n: number }>("later", async ({ n }) => void done.push(n));
      await until(() => done.length === 2);
      expect(done).to.have.members([1, 3]);
    });

    it("keeps a schedule, and says what is wrong with a cron line", async () => {
      await queue.schedule("nightly", "0 3 * * *", { stack: "a" });
      expect(await queue.schedule("nightly", "now and then", {}).catch((e: Error) => e.message)).to.match(/^Validation error/);
      expect(errors).to.deep.equal([]);
    });
  });
}

describe("the queue", function () {
  this.timeout(60_000);
  const folder = tempFolderForSuite("queue");
  queueContract("PGlite", () => `pglite:${folder()}`);
  const postgres = postgresForSuite();
  let server: Promise<Postgres> | undefined;
  queueContract("PostgreSQL", async () => {
    server ??= postgres.primary("queue");
    return urlOf(await server);
  });

  it("does what the queue of version 0.1.0, on pg-boss 10, left undone", async () => {
    server ??= postgres.primary("queue");
    const url = urlOf(await server);
    const before = new PgBoss10({ connectionString: url, schema: "cutover_queue" });
    before.on("error", () => {});
    await before.start();
    await before.createQueue("mail", { name: "mail", policy: "short" });
    for (const [n, singletonKey] of [[1, "a"], [2, "b"]] as const) await before.send("mail", { n }, { singletonKey }); // biome-ignore format: a list
    await before.stop({ graceful: false });
    const done: number[] = [];
    const queue = await openQueue(url, () => {});
    await queue.work<{ n: number }>("mail", async ({ n }) => void done.push(n));
    await until(() => done.length === 2);
    await queue.close();
    expect(done).to.have.members([1, 2]);
  });
});
