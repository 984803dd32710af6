import type { EngineEnvironment } from "../../ports/target.js";
import type { ClusterAccess } from "./clients.js";
import { renameOwners, underOldNames } from "./fieldOwners.js";
import { keepOthers, othersFields } from "./others.js";
import { leadToStable } from "./pingPong.js";
import { holdRouting } from "./routing.js";

/** What is done in a stack's cluster around each update of the engine's, beside what the engine does. */
export function aroundUpdates(
  accessOf: (stack: string) => Promise<ClusterAccess>,
): Required<Pick<EngineEnvironment, "prepare" | "othersFields">> {
  return {
    prepare: async (stack, state) => {
      const access = await accessOf(stack);
      const { deployment } = await state();
      await renameOwners(access, underOldNames(deployment));
      const gone = await keepOthers(access, deployment);
      await leadToStable(access, deployment);
      return async () => [...(await gone()), ...(await holdRouting(access, (await state()).deployment))];
    },
    othersFields: async (stack, state) => othersFields(await accessOf(stack), (await state()).deployment),
  };
}
