import { z } from "zod";
import { listRehearsals, readRehearsal } from "../../rehearsal/shelf.js";
import { rehearsal, rehearsalSummary } from "../schemas/rehearsal.js";
import { route } from "./route.js";

const TAG = "rehearsals";

export const rehearsalRoutes = [
  route({
    name: "listRehearsals",
    method: "get",
    path: "/v1/rehearsals",
    tag: TAG,
    summary: "Lists the rehearsals of the state folder, newest first.",
    needs: "viewer",
    ofAll: true,
    answer: { schema: z.object({ rehearsals: z.array(rehearsalSummary) }), what: "The rehearsals" },
    handle: async ({ services }) => ({ rehearsals: await listRehearsals(services.rehearsals) }),
  }),
  route({
    name: "getRehearsal",
    method: "get",
    path: "/v1/rehearsals/{id}",
    tag: TAG,
    summary: "A rehearsal's verdict, what going back cost, and every moment of it to replay.",
    needs: "viewer",
    ofAll: true,
    params: z.strictObject({ id: z.string().min(1).max(160).describe("As the list has it") }),
    answer: { schema: rehearsal, what: "The rehearsal" },
    problems: [404],
    handle: ({ params, services }) => readRehearsal(services.rehearsals, params.id),
  }),
];
