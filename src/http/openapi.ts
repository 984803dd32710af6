import { z } from "zod";
import { SIGNATURE_HEADERS } from "../operations/signatures.js";
import { PROBLEMS } from "./problems.js";
import { routes } from "./routes/index.js";
import type { OpenApiDocument, Route } from "./routes/route.js";
import { idempotencyKey, problem } from "./schemas/common.js";

type Json = Record<string, unknown>;

/** What every route may answer that asks for a credential, and every one. */
const ALWAYS = [400, 405, 429, 500, 503] as const;
const WITH_CREDENTIAL = [401, 403] as const;
const WITH_BODY = [413, 415] as const;

/** The OpenAPI 3.1 document, made from the same descriptions and schemas as the router. */
export function openApi(): OpenApiDocument {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operation(route, components) };
  return {
    openapi: "3.1.0",
    info: {
      title: "cutover",
      version: "1.0.0",
      description: "Moves applications from old infrastructure to EKS, phase by phase, and back again at any moment.",
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: components.schemas,
      securitySchemes: {
        signature: {
          type: "apiKey",
          in: "header",
          name: SIGNATURE_HEADERS.signature,
          description: "As the Standard Webhooks specification has it",
        },
        token: { type: "http", scheme: "bearer", description: "An API token, the local token, or a JWT of the identity provider" },
      },
    },
    security: [{ token: [] }],
  };
}

function operation(route: Route, components: Components): Json {
  const { status = 200, type = "application/json", schema, what } = route.answer;
  const refused: (keyof typeof PROBLEMS)[] = [
    ...ALWAYS,
    ...(route.needs === "nobody" ? [] : WITH_CREDENTIAL),
    ...(route.body === undefined ? [] : WITH_BODY),
    ...(route.problems ?? []),
  ];
  return {
    operationId: route.name,
    tags: [route.tag],
    summary: route.summary,
    ...(route.signed === true ? { security: [{ token: [] }, { signature: [] }] } : {}),
    ...(route.needs === "nobody" ? { security: [] } : { description: `Needs the role ${route.needs}.${largest(route)}` }),
    parameters: [
      ...parameters("path", route.params, components),
      ...parameters("query", route.query, components),
      ...parameters("header", route.repeatable === true ? HEADERS : undefined, components),
    ],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse({}).success,
            content: { "application/json": { schema: components.of(route.body) } },
          },
        }),
    responses: {
      [status]: { description: what, content: { [type]: { schema: components.of(schema) } } },
      ...Object.fromEntries(
        refused
          .sort((a, b) => a - b)
          .map((code) => [
            code,
            { description: PROBLEMS[code], content: { "application/problem+json": { schema: components.of(problem) } } },
          ]),
      ),
    },
  };
}

const largest = ({ largestBody }: Route): string =>
  largestBody === undefined ? "" : ` The body may have ${largestBody / 1_024} kB, that of other requests 64 kB.`;

/** What a repeatable request takes. */
const HEADERS = z.object({ "Idempotency-Key": idempotencyKey.optional() });

function parameters(where: "path" | "query" | "header", schema: z.ZodObject | undefined, components: Components): Json[] {
  if (schema === undefined) return [];
  return Object.entries(schema.shape).map(([name, of]) => {
    const { description, ...rest } = components.of(of as z.ZodType) as { description?: string };
    const required = where === "path" || !(of as z.ZodType).safeParse(undefined).success;
    return { name, in: where, required, ...(description === undefined ? {} : { description }), schema: rest };
  });
}

/** Collects the schemas that have a name, so that each stands once in the document. */
class Components {
  readonly schemas: Record<string, Json> = {};

  /** The JSON schema of a zod schema, as a client sees it: what may be left out is optional. */
  of(schema: z.ZodType): Json {
    const {
      $schema: _,
      $defs = {},
      ...rest
    } = z.toJSONSchema(schema, { io: "input" }) as { $schema?: string; $defs?: Record<string, Json> };
    for (const [name, definition] of Object.entries($defs)) this.schemas[name] ??= moved(definition) as Json;
    return moved(rest) as Json;
  }
}

/** References point into the document's components; the bounds of a safe integer say nothing to a reader. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, v]) => {
      if (key === "$ref" && typeof v === "string") return [[key, v.replace("#/$defs/", "#/components/schemas/")]];
      if ((key === "maximum" || key === "minimum") && Math.abs(Number(v)) === Number.MAX_SAFE_INTEGER) return [];
      return [[key, moved(v)]];
    }),
  );
}
