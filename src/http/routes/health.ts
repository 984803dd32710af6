import { z } from "zod";
import { route } from "./route.js";

const health = z.object({ status: z.literal("ok") });

export const healthRoutes = [
  route({
    name: "health",
    method: "get",
    path: "/healthz",
    tag: "service",
    summary: "Tells that the process answers.",
    needs: "nobody",
    answer: { schema: health, what: "It does" },
    handle: async () => ({ status: "ok" as const }),
  }),
];
