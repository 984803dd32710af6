import { patched, StackFile } from "../src/config/stackFile.js";
import { fillJournals, fleets } from "./harness/fill.js";
import { inTurns, seconds } from "./harness/measure.js";
import { type Benchmark, compared, type Figure, growthOf } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { copyOf, makeWorld, pulumi, type Service, startService, type World } from "./harness/world.js";

const STACK = "app-1-production";
const RECORDS = ["--target", "**$aws:route53/record:Record::**"];

/** Users back to the old side: from the command to the old weights applied, beside `pulumi up --target` of the records. */
export const benchmark: Benchmark = {
  about: "DNS rollback",
  run: async ({ short, times, folder, say }) => {
    const steps = Array.from({ length: 50 }, (_, i) => i + 1);
    const dns = { zoneId: "Z1234567890ABC", steps: [...steps, 100], holdSeconds: 60, lowTtlForSeconds: 60 };
    const ours = await makeWorld(folder, {
      "app-1-staging": stackConfig("app-1", "staging"),
      [STACK]: stackConfig("app-1", "production", { "cutover:dns": dns }),
    });
    let service: Service | undefined;
    let raw: World | undefined;
    const figures: Figure[] = [];
    try {
      const { sizes, entries } = fleets(short);
      for (const size of sizes) {
        await service?.close();
        await fillJournals(ours, size, entries);
        service = await startService(ours);
        const first = raw === undefined;
        if (first) {
          await service.drive("app-1-staging", "end");
          await service.drive(STACK, "traffic.dns-1");
          await service.idle(STACK);
        }
        raw ??= await copyOf(ours, folder);
        const [mine, theirs] = [service, raw];
        const measured = await inTurns(
          times(6),
          (round) => rollback(mine, first && round === 0),
          () => byHand(theirs),
        );
        say(`${size} others: ${measured.ours.median.toFixed(2)} s, pulumi ${measured.theirs.median.toFixed(2)} s`);
        const what = `DNS rollback, from the command to the old weights applied, beside ${size} other migrations`;
        const instead = "pulumi up --yes --skip-preview --target of the two records";
        figures.push(
          compared(what, "s", measured, instead, {
            bar: { most: 1.2, limit: "one start of the CLI on both sides" },
            size: { of: "migrations", value: size },
          }),
        );
      }
    } finally {
      await service?.close();
      await raw?.close();
      await ours.close();
    }
    return { figures, growths: growthOf("DNS rollback", figures), notes: [] };
  },
};

async function rollback(service: Service, isFirst: boolean): Promise<number> {
  // What was taken back runs again once the migration is resumed.
  if (!isFirst) await service.call("POST", `/v1/migrations/${STACK}/resume`, {});
  await service.idle(STACK);
  await service.drive(STACK, "traffic.dns-1");
  const { json } = await service.call<{ revision: number }>("GET", `/v1/migrations/${STACK}`);
  await service.until(STACK, "advance", { extent: "step" }, "step.completed");
  await service.idle(STACK);
  const took = await service.until(STACK, "rollback", { revision: json.revision, why: "benchmark" }, "update.succeeded");
  await service.idle(STACK);
  return took;
}

async function byHand(world: World): Promise<number> {
  const up = () => pulumi(world, ["up", "--yes", "--skip-preview", ...RECORDS, "--stack", STACK]);
  const weigh = async (weight: number): Promise<void> => {
    const file = await StackFile.read(world.project.stacksFolder, STACK);
    await file.replace(patched(file.raw(), { "dns.weights": { old: 100 - weight, new: weight } })).write();
  };
  await weigh(1);
  await up();
  await weigh(0);
  return seconds(up);
}
