import type { z } from "zod";
import { OWN_PHASES, type OwnPhase } from "./ownGates.js";
import type { Parts } from "./parts.js";
import { workersOf } from "./processes.js";
import type * as s from "./sections.js";
import { shiftOf } from "./shift.js";

interface Phased extends Pick<Parts, "old" | "dns" | "traffic" | "workload" | "processes"> {
  gates: z.output<typeof s.gates>;
  database?: z.output<typeof s.database> | undefined;
  spot?: z.output<typeof s.spot> | undefined;
}

/** Whether a stack's plan watches anything in a phase; why not where it does not. */
function withoutWatch({ database, old, dns, traffic, workload, processes, spot }: Phased, phase: OwnPhase): string | undefined {
  const moves = shiftOf({ dns, traffic }) !== undefined;
  switch (phase) {
    case "database":
      return database === undefined ? "it moves no database" : undefined;
    case "rollout":
      return undefined;
    case "traffic":
      return moves || (old !== undefined && workersOf({ processes }).length > 0) ? undefined : "no step of it moves users or workers";
    case "optimize":
      return old !== undefined && ((workload.web && !workload.once) || spot !== undefined) ? undefined : "nothing of it is scaled";
    case "cleanup":
      return old !== undefined && (moves || old.users === "none") ? undefined : "nothing of an old side is removed";
  }
}

/** Phases that a gate names and the stack's plan does not watch. */
export function* ownGateChecks(config: Phased): Generator<{ path: (string | number)[]; accepted: string }> {
  for (const [i, { phases }] of config.gates.own.entries())
    for (const [at, phase] of phases.entries()) {
      const why = withoutWatch(config, phase);
      if (why === undefined) continue;
      const there = OWN_PHASES.filter((p) => withoutWatch(config, p) === undefined);
      yield { path: ["gates", "own", i, "phases", at], accepted: `a phase that this stack watches (${there.join(", ")}): ${why}` };
    }
}
