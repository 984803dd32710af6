import { AWS_READINGS, awsObservation } from "../aws/observations.js";
import { ingressHostOf } from "../kubernetes/observations.js";
import { each, type SourceParts } from "./source.js";

/** What AWS itself says: the replica and its backups, load balancers and their rules, network interfaces. */
export const awsSource = ({ clients, cluster }: SourceParts) =>
  each(AWS_READINGS, (name) => async ({ config }) => ({
    reading: await awsObservation(clients, config, name, () => ingressHostOf(cluster, config)),
    source: "aws",
  }));
