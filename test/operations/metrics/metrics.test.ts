import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { engines, watchEngines } from "../../../src/operations/metrics/engines.js";
import { watchMigrations } from "../../../src/operations/metrics/journal.js";
import { Metrics } from "../../../src/operations/metrics/metrics.js";
import { known } from "../../../src/ports/observations.js";
import { NO_FAULTS, STACK } from "../../automation/model.js";
import { modelService, until } from "../../automation/modelService.js";
import { spawnForTest } from "../../support/processes.js";
import { prometheusForSuite } from "../../support/prometheus.js";
import { requirePromtool } from "../../support/promtool.js";

/** Metrics after a night with a rollback at 25 %. */
async function afterANight(): Promise<Metrics> {
  const metrics = new Metrics();
  const { world, start } = modelService();
  const service = start();
  watchMigrations(metrics, service);
  watchEngines(metrics);
  await service.create(STACK, "alice");
  let bad = true;
  const moved = () => bad && (world.applied.dns?.weights.new ?? 0) >= 25;
  world.faults = {
    ...NO_FAULTS,
    reading: (name, side) => (name === "error-rate" && side === "new" && moved() ? known(0.5) : undefined),
  };
  await until(service, (s) => s.heldReason?.startsWith("Went back") === true);
  bad = false;
  await until(service, (s) => s.status === "completed");
  await service.close();
  return metrics;
}

describe("the service's metrics", () => {
  const prometheus = prometheusForSuite();

  const ask = async (query: string): Promise<{ metric: Record<string, string>; value: number }[]> => {
    const response = await fetch(`${prometheus.url()}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = (await response.json()) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };

  it("are what a real Prometheus reads: commands, steps, updates, gates and the rollback of a whole migration", async () => {
    const metrics = await afterANight();
    const text = await metrics.text();
    prometheus.expose(() => text);
    while ((await ask("cutover_rollbacks_total")).length === 0) await new Promise((resolve) => setTimeout(resolve, 200));
    const value = async (query: string) => (await ask(query))[0]?.value;
    expect(await value('cutover_migrations{status="completed"}')).to.equal(2);
    expect(await value('cutover_rollbacks_total{by="itself"}')).to.equal(1);
    expect(await value('cutover_gate_results_total{gate="error-rate",verdict="fail"}')).to.be.greaterThan(0);
    expect(await value('sum(cutover_gate_results_total{verdict="pass"})')).to.be.greaterThan(20);
    expect(await value('cutover_steps_total{phase="traffic",result="failed"}')).to.equal(1);
    expect(await value('cutover_commands_total{command="approve"}')).to.be.greaterThan(3);
    expect(await value("cutover_update_duration_seconds_count")).to.equal(await value('cutover_updates_total{result="succeeded"}'));
    expect(await value('sum(cutover_step_duration_seconds_count{phase="traffic"})')).to.be.greaterThan(6);
    expect(await value("histogram_quantile(0.9, sum by (le) (cutover_update_duration_seconds_bucket))")).to.be.a("number");
    expect(await value("cutover_runners")).to.equal(0);
  }).timeout(60_000);

  it("please promtool: names, units and help", async function () {
    requirePromtool(this);
    const text = await (await afterANight()).text();
    const checked = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    const ours = `${checked.stdout}${checked.stderr}`.split("\n").filter((l) => l.includes("cutover_"));
    expect(ours).to.deep.equal([]);
    expect(checked.stderr).not.to.contain("error while linting");
  }).timeout(60_000);

  it("count what another process did only there", async () => {
    const { start } = modelService();
    const [one, other] = [start(), start()];
    const metrics = [new Metrics(), new Metrics()];
    watchMigrations(metrics[0] as Metrics, one);
    watchMigrations(metrics[1] as Metrics, other);
    await one.create(STACK, "alice");
    await other.get(STACK);
    await one.command(STACK, { command: "advance", extent: "step" }, "alice");
    await one.settled(STACK);
    await other.get(STACK);
    const texts = await Promise.all(metrics.map((m) => m.text()));
    expect(texts[0])
      .to.contain('cutover_commands_total{command="advance"} 1')
      .and.contain('cutover_steps_total{phase="assess",result="completed"} 1');
    expect(texts[1]).not.to.match(/cutover_commands_total\{|cutover_steps_total\{/);
    await Promise.all([one.close(), other.close()]);
  });

  it("find the engines that this process runs, and their memory", async function () {
    this.timeout(60_000);
    if (process.platform !== "linux") this.skip();
    const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
    // One that an earlier test ended may still be going.
    while (((await engines())?.count ?? 0) > 0) await pause();
    // Node.js gives its process a name of its own while it starts, whatever its file is called.
    spawnForTest(process.execPath, ["-e", 'process.title = "pulumi"; setTimeout(() => {}, 60_000)']);
    let now = await engines();
    while ((now?.bytes ?? 0) < 1_000_000) {
      await pause();
      now = await engines();
    }
    expect(now?.count).to.equal(1);
  });
});
