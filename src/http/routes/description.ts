import { z } from "zod";
import { route } from "./route.js";

export const descriptionRoutes = [
  route({
    name: "getOpenApi",
    method: "get",
    path: "/v1/openapi.json",
    tag: "service",
    summary: "Describes this API: OpenAPI 3.1, made from the schemas that check the requests.",
    needs: "viewer",
    answer: { schema: z.looseObject({ openapi: z.string() }), what: "The description" },
    handle: async ({ services }) => services.document,
  }),
];
