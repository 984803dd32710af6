import { z } from "zod";
import { route } from "./route.js";

export const eventRoutes = [
  route({
    name: "events",
    method: "get",
    path: "/v1/events",
    tag: "events",
    summary: "Streams the view of a migration whenever its journal grows, until the client goes.",
    needs: "viewer",
    answer: {
      type: "text/event-stream",
      schema: z.string(),
      what: "Server-sent events, whose data is a Migration each. With Last-Event-ID what was missed comes first, or a `snapshot` of every migration",
    },
    handle: async ({ request, response, sees, services }) => {
      services.stream.serve(request, response, sees);
      return undefined;
    },
  }),
];
