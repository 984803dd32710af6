import { type KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node";
import { type ClusterAccess, settingsOf, statusOf } from "./clients.js";
import type { Head } from "./stateObjects.js";

/** Longest that one answer may take: an update waits for what is asked before it and after it. */
const DEADLINE_MS = 5_000;

/** The API server's objects of every kind, of a cluster that may not answer. */
export const objectApi = (access: ClusterAccess): KubernetesObjectApi =>
  new KubernetesObjectApi(settingsOf(access, access.deadlineMs ?? DEADLINE_MS).settings);

/** Whether its controller has seen what is wanted now: the status of an older generation says nothing of it. */
export const isSeen = (object: {
  metadata?: { generation?: number } | undefined;
  status?: { observedGeneration?: number | string } | undefined;
}): boolean => Number(object.status?.observedGeneration ?? 0) >= (object.metadata?.generation ?? 0);

/** The object as it is now; undefined where it is gone. */
export const readObject = <T extends KubernetesObject>(api: KubernetesObjectApi, head: Head): Promise<T | undefined> =>
  api.read<T>(head).catch((error: unknown) => {
    if (statusOf(error) === 404) return undefined;
    throw error;
  });
