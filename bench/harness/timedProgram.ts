import { Workload } from "../../src/components/Workload.js";
import { program as timed } from "../../src/program.js";

/** Moments of the last run of the program, on this process's clock. */
export const moments = { began: 0, registered: 0 };
/** Workloads that the program registers beside its own, of five resources each. */
export const beside = { workloads: 0 };

/** The program, and when it ran. */
export async function program(): Promise<Record<string, unknown>> {
  moments.began = performance.now();
  try {
    const outputs = await timed();
    for (let i = 1; i <= beside.workloads; i += 1)
      new Workload(`beside-${i}`, { namespace: "staging", image: "ghcr.io/your-org/web-api:1.0.0" });
    return outputs;
  } finally {
    moments.registered = performance.now();
  }
}
