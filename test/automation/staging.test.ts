import { expect } from "chai";
import { stagingDone } from "./model.js";
import { ModelService } from "./service.js";

/** A staging that rolled 1.1.0 out as green, and where it stands. */
const blueGreen = (greenWeight: number) => ({
  "workload.image": "example.org/web-api:1.0.0",
  strategy: { kind: "blue-green", image: "example.org/web-api:1.1.0", green: true, greenWeight, blue: greenWeight < 100 },
});

describe("production waits for the version that staging runs", () => {
  async function openWith(greenWeight: number): Promise<ModelService> {
    const service = await ModelService.open();
    service.store.journals.set("web-api-staging", stagingDone(service.world.now, blueGreen(greenWeight)));
    return service;
  }

  it("goes on when staging's green carries everything, though its blue had another image", async () => {
    const service = await openWith(100);
    await service.reach("rollout.green-deploy");
    expect((await service.state).steps["rollout.staging-verified"]?.status).to.equal("done");
  });

  it("promise 10: waits while staging's users are still on blue", async () => {
    const service = await openWith(50);
    const failed = await service.reach("rollout.green-deploy").catch((error: Error) => error.message);
    expect(failed).to.contain("web-api-production is held at rollout.staging-verified");
  });
});
