import { z } from "zod";
import { ROLES } from "../access/caller.js";
import { fromElsewhere } from "../operations/config.js";
import { readYamlFile } from "./yamlFile.js";

/** On this machine a provider may be asked without TLS: tests and tunnels do it. */
const secureUrl = z
  .url("a URL")
  .refine((u) => /^https:|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(`${u}/`), "a URL with https, except on loopback");

const origin = z.string("an origin").regex(/^https?:\/\/[A-Za-z0-9.-]+(:\d+)?$/, "an origin, for example https://portal.example.com");
const names = z.array(z.string().min(1)).min(1, "at least one name").optional();

const grant = z
  .strictObject({
    /** The person's name, as the name claim has it. */
    user: z.string().min(1).optional(),
    /** A group, as the groups claim has it. */
    group: z.string().min(1).optional(),
    role: z.enum(ROLES),
    /** @default every application */
    applications: names,
    /** @default every environment */
    environments: names,
  })
  .refine((g) => (g.user === undefined) !== (g.group === undefined), "either user or group");

/** Who may use a service that others reach, and from where (docs/security.md). */
export const accessSchema = z.strictObject({
  oidc: z
    .strictObject({
      issuer: secureUrl,
      audience: z.string().min(1),
      jwksUrl: secureUrl.optional(),
      /** A claim that people cannot set themselves. */
      nameClaim: z.string().min(1).default("sub"),
      groupsClaim: z.string().min(1).default("groups"),
    })
    .optional(),
  grants: z.array(grant).default([]),
  /** Systems that sign what they send to /v1/alerts, as the Standard Webhooks specification has it. */
  webhooks: z
    .array(
      z.strictObject({
        /** Stands in the journal. */
        name: z.string().min(1),
        secret: fromElsewhere,
        role: z.enum(ROLES).default("operator"),
        applications: names,
        environments: names,
      }),
    )
    .default([]),
  /** Origins whose pages may call the API. */
  cors: z.array(origin).default([]),
  /** Origins of portals that may show the page in a frame. */
  frames: z.array(origin).default([]),
  limits: z
    .strictObject({
      /** Requests of one caller; an emergency is never refused. */
      requestsPerMinute: z.int().min(1).max(1_000_000).default(1_200),
      /** Credentials that are not accepted, from one address. */
      failuresPerMinute: z.int().min(1).max(10_000).default(20),
    })
    .prefault({}),
  /** Proxies in front, whose X-Forwarded headers count. */
  trustedProxies: z.int().min(0).max(10).default(0),
});
export type AccessConfig = z.output<typeof accessSchema>;

export const defaultAccess = (): AccessConfig => accessSchema.parse({});

/** Reads `access.yaml`. @throws UserError naming each wrong value */
export const readAccess = (file: string): Promise<AccessConfig> =>
  readYamlFile(file, accessSchema, { what: "a file that says who may use the service", docs: "docs/security.md" });
