import { patched, StackFile } from "../src/config/stackFile.js";
import { inTurns, seconds } from "./harness/measure.js";
import { type Benchmark, compared } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { copyOf, makeWorld, pulumi, startService } from "./harness/world.js";

const STACK = "app-1-production";
const RECORDS = ["--target", "**$aws:route53/record:Record::**"];

/** Users back to the old side: from the command to the old weights applied, beside `pulumi up --target` of the records. */
export const benchmark: Benchmark = {
  about: "DNS rollback",
  run: async ({ times, folder, say }) => {
    const steps = Array.from({ length: 50 }, (_, i) => i + 1);
    const dns = { zoneId: "Z1234567890ABC", steps: [...steps, 100], holdSeconds: 60, lowTtlForSeconds: 60 };
    const ours = await makeWorld(folder, {
      "app-1-staging": stackConfig("app-1", "staging"),
      [STACK]: stackConfig("app-1", "production", { "cutover:dns": dns }),
    });
    const service = await startService(ours);
    await service.drive("app-1-staging", "end");
    await service.drive(STACK, "traffic.dns-1");
    await service.idle(STACK);
    const raw = await copyOf(ours, folder);
    say("prepared");
    const rawWeight = async (weight: number): Promise<void> => {
      const file = await StackFile.read(raw.project.stacksFolder, STACK);
      await file.replace(patched(file.raw(), { "dns.weights": { old: 100 - weight, new: weight } })).write();
    };
    const up = () => pulumi(raw, ["up", "--yes", "--skip-preview", ...RECORDS, "--stack", STACK]);
    try {
      const measured = await inTurns(
        times(10),
        async (round) => {
          // What was taken back runs again once the migration is resumed.
          if (round > 0) await service.call("POST", `/v1/migrations/${STACK}/resume`, {});
          await service.idle(STACK);
          await service.drive(STACK, "traffic.dns-1");
          const { json } = await service.call<{ revision: number }>("GET", `/v1/migrations/${STACK}`);
          await service.until(STACK, "advance", { extent: "step" }, "step.completed");
          await service.idle(STACK);
          const body = { revision: json.revision, why: "benchmark" };
          const took = await service.until(STACK, "rollback", body, "update.succeeded");
          await service.idle(STACK);
          return took;
        },
        async () => {
          await rawWeight(1);
          await up();
          await rawWeight(0);
          return seconds(up);
        },
      );
      say(`${measured.ours.median.toFixed(2)} s, pulumi ${measured.theirs.median.toFixed(2)} s`);
      const instead = "pulumi up --yes --skip-preview --target of the two records";
      return {
        figures: [compared("DNS rollback, from the command to the old weights applied", "s", measured, instead, { bar: { most: 1.2 } })],
        growths: [],
        notes: [],
      };
    } finally {
      await service.close();
      await raw.close();
      await ours.close();
    }
  },
};
