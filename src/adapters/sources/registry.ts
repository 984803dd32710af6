import type { MeasuredName } from "../../ports/comparison.js";
import { awsSource } from "./aws.js";
import { clusterSource } from "./cluster.js";
import { connectionSource } from "./connections.js";
import { databaseSource } from "./databases.js";
import { dnsSource } from "./dns.js";
import { fleetSource } from "./fleet.js";
import { queueSource } from "./queues.js";
import { requestSource } from "./requests.js";
import type { Measure, SourceParts } from "./source.js";
import { useSource } from "./uses.js";

/** Who answers which observation. The compiler complains about one that nobody answers: a gate over it could never pass. */
export const measuresOf = (parts: SourceParts): Record<MeasuredName, Measure> => ({
  ...awsSource(parts),
  ...clusterSource(parts),
  ...connectionSource(parts),
  ...databaseSource(parts),
  ...dnsSource(parts),
  ...fleetSource(parts),
  ...queueSource(parts),
  ...requestSource(parts),
  ...useSource(parts),
});
