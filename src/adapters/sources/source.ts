import type { StackConfig } from "../../config/schema.js";
import type { TargetConfig } from "../../config/targets.js";
import type { ObservationName, Reading, Side } from "../../ports/observations.js";
import type { AwsClients } from "../aws/clients.js";
import type { NameServer } from "../dns/answers.js";
import type { DatabasePair } from "../engines/engine.js";
import type { ClusterClients } from "../kubernetes/clients.js";
import type { PrometheusOptions } from "../prometheus/query.js";

/** A reading, and where it came from. */
export interface Measured {
  reading: Reading;
  source: string;
  /** How old it is, in seconds. @default 0 */
  age?: number;
  /** How old it is at best, in seconds: no sign that it is stale. @default 0 */
  delay?: number;
  /** Who or what is behind the number. */
  detail?: string;
}

/** One question to a source. */
export interface Asked {
  config: StackConfig;
  side: Side | undefined;
  /** For rates and counts. */
  windowSeconds: number;
}

/** Answers one observation. What it throws becomes unknown, with the error's message as the reason (promise 10). */
export type Measure = (asked: Asked) => Promise<Measured>;

/** What sources ask: the far side of one stack. */
export interface SourceParts {
  clients: AwsClients;
  cluster: ClusterClients;
  prometheus: PrometheusOptions;
  databases: DatabasePair;
  target: TargetConfig;
  /** Name servers to ask instead of those that DNS itself names. */
  nameServers?: NameServer[] | undefined;
  /** Resolvers to ask instead of those of `target.dns.resolvers`. */
  resolvers?: NameServer[] | undefined;
}

/** The same source for several observations. */
export const each = <N extends ObservationName>(names: readonly N[], measure: (name: N) => Measure): Record<N, Measure> =>
  Object.fromEntries(names.map((name) => [name, measure(name)])) as Record<N, Measure>;
