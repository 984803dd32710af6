import type { z } from "zod";
import type * as p from "./processes.js";
import type * as s from "./sections.js";

/** The sections that say what runs, as they are once checked. */
export interface Parts {
  workload: z.output<typeof s.workload>;
  processes: z.output<typeof p.processes>;
  volumes: z.output<typeof p.volumes>;
  handover: z.output<typeof p.handover>;
  strategy: z.output<typeof s.strategy>;
  autoscaling: z.output<typeof s.autoscaling>;
  ingress?: z.output<typeof s.ingress> | undefined;
  dns?: z.output<typeof s.dns> | undefined;
  traffic?: z.output<typeof s.traffic> | undefined;
  old?: z.output<typeof s.oldInfrastructure> | undefined;
}
