import { ownGateOf } from "../../config/ownGates.js";
import { type OwnName, unknown } from "../../ports/observations.js";
import { ownMetric } from "../aws/ownMetric.js";
import { CLOUDWATCH_DELAY } from "../aws/requests.js";
import { ownExpression } from "../prometheus/own.js";
import type { Measure, SourceParts } from "./source.js";

/** What a gate of the user's own measures, by the source that the config names for it. */
export const ownMeasure =
  ({ clients, prometheus }: Pick<SourceParts, "clients" | "prometheus">, name: OwnName): Measure =>
  async ({ config, windowSeconds }) => {
    const gate = ownGateOf(config, name);
    if (gate === undefined) return { reading: unknown(`gates.own has no ${name} any more`), source: "none" };
    if (gate.source === "prometheus") {
      const { reading, ageSeconds } = await ownExpression(prometheus, gate, windowSeconds);
      return { reading, source: "prometheus", age: ageSeconds };
    }
    const { reading, ageSeconds } = await ownMetric(clients, gate, windowSeconds, Date.now());
    // Within a minute more, by where in it one looks.
    return { reading, source: "cloudwatch", age: ageSeconds, delay: CLOUDWATCH_DELAY + 60 };
  };
