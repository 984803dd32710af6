import type { ServerOptions } from "../../src/server.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { type ModelServer, openModelServer } from "../http/modelServer.js";
import { peopleOf } from "../support/people.js";

export interface ModelPortal extends ModelServer {
  /** The link that signs a browser in. */
  entrance: string;
  /** Goes on, step by step, with two people, until the step is next. */
  goTo(step: string): Promise<void>;
}

/** The portal of the real service over the model of the far side. */
export async function openModelPortal(options: Partial<ServerOptions> = {}, parts = modelService()): Promise<ModelPortal> {
  const open = await openModelServer(options, parts);
  const { server, migrations } = open;
  return {
    ...open,
    entrance: `${server.url}/?token=${server.token}`,
    goTo: async (step) => void (await peopleOf(migrations, STACK).standBefore(step)),
  };
}
