import { CLUSTER_READINGS, clusterObservation } from "../kubernetes/observations.js";
import { each, type SourceParts } from "./source.js";

/** What the cluster's API server says of pods, releases and nodes. */
export const clusterSource = ({ cluster }: SourceParts) =>
  each(CLUSTER_READINGS, (name) => async ({ config }) => ({
    reading: await clusterObservation(cluster, config, name),
    source: "kubernetes",
  }));
