import { z } from "zod";
import { may, ROLES } from "../../access/caller.js";
import { stackName } from "../schemas/common.js";
import { route } from "./route.js";

export const meRoutes = [
  route({
    name: "getMe",
    method: "get",
    path: "/v1/me",
    tag: "service",
    summary: "Tells who the credential stands for, and which roles it has for a stack or anywhere.",
    needs: "viewer",
    query: z.strictObject({ stack: stackName.optional().describe("Roles for this stack; anywhere when absent") }),
    answer: {
      schema: z
        .object({
          name: z.string().describe("Stands in the journal beside every command"),
          mayBeNamed: z.boolean().describe("Whether the header x-cutover-user says who is asking"),
          roles: z.array(z.enum(ROLES)),
        })
        .meta({ id: "Me", description: "Who the credential stands for" }),
      what: "The caller",
    },
    problems: [404],
    handle: async ({ query: { stack }, caller, sees, services: { migrations } }) => {
      const scope = stack === undefined ? undefined : await migrations.scopeOf(stack);
      if (stack !== undefined && !sees(scope ?? {})) throw migrations.absent(stack);
      return { name: caller.name, mayBeNamed: caller.mayBeNamed === true, roles: ROLES.filter((role) => may(caller, role, scope)) };
    },
  }),
];
