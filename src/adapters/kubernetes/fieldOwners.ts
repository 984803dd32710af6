import { PatchStrategy } from "@kubernetes/client-node";
import { FIELD_MANAGER } from "../../lib/fieldManager.js";
import { type ClusterAccess, statusOf } from "./clients.js";
import { objectApi, readObject } from "./objectApi.js";
import { type Head, headOf, stateObjects } from "./stateObjects.js";

/** The name that the engine's provider makes up per object where it is told none. */
const MADE_UP = /^pulumi-kubernetes-[0-9a-f]{8}$/;

/** Objects of a state that were last applied under a name that the provider made up: by an earlier version of the program. */
export const underOldNames = (deployment: unknown): Head[] =>
  stateObjects(deployment).flatMap((object) => (MADE_UP.test(object.manager ?? "") ? [headOf(object)] : []));

/**
 * Gives the fields that such a name owns to the one that is used now. Otherwise they would have two owners: what the program
 * leaves out later would stay, and a changed port would be refused as a second one of the same name.
 */
export async function renameOwners(access: ClusterAccess, objects: readonly Head[]): Promise<void> {
  if (objects.length === 0) return;
  const api = objectApi(access);
  for (const head of objects) {
    // What is gone owns nothing.
    const live = await readObject(api, head);
    const owners = live?.metadata?.managedFields ?? [];
    const isOld = ({ manager = "", operation }: { manager?: string; operation?: string }) => operation === "Apply" && MADE_UP.test(manager);
    // One owner for each of several: the first takes the name, and the API server merges none.
    if (owners.filter(isOld).length !== 1 || owners.some((o) => o.manager === FIELD_MANAGER && o.operation === "Apply")) continue;
    const renamed = owners.map((o) => (isOld(o) ? { ...o, manager: FIELD_MANAGER } : o));
    const { resourceVersion } = live?.metadata ?? {};
    // With its version: whatever was written meanwhile is looked at again with the next update.
    const patch = {
      ...head,
      metadata: { ...head.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }), managedFields: renamed },
    };
    await api.patch(patch, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch).catch((error: unknown) => {
      if (statusOf(error) !== 409) throw error;
    });
  }
}
