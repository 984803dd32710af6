import { readFile } from "node:fs/promises";
import { CronExpressionParser } from "cron-parser";
import { z } from "zod";
import { ANNOUNCED_MOMENTS, ASKED_MOMENTS } from "../automation/journal/records.js";
import { seconds } from "../config/primitives.js";
import { parseYaml, readYamlFile } from "../config/yamlFile.js";
import { UserError } from "../errors.js";
import { EVENTS } from "./notifications/events.js";
import { signingKey } from "./signatures.js";

const MOMENTS = [...ASKED_MOMENTS, ...ANNOUNCED_MOMENTS] as const;
const label = z.string().regex(/^[a-z][-a-z0-9]{0,39}$/, "a lower-case name of at most 40 letters, digits and -");

/** What must not stand in the file itself: it comes from an environment variable or from a mounted file. */
export const fromElsewhere = z.union(
  [z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })],
  "{env: NAME} or {file: PATH}",
);
export type FromElsewhere = z.output<typeof fromElsewhere>;

const url = z.union([z.url({ protocol: /^https?$/, error: "an https URL" }), fromElsewhere], "an https URL, {env: NAME} or {file: PATH}");

const filter = {
  /** Environments it is for. @default all */
  environments: z.array(label).min(1, "at least one environment").optional(),
  /** Applications it is for. @default all */
  applications: z.array(label).min(1, "at least one application").optional(),
};

const notification = z.strictObject({
  name: label,
  kind: z.enum(["slack", "webhook", "cloudevents"], '"slack", "webhook" or "cloudevents"'),
  url,
  /** Signs what is sent. Slack takes no signature: its URL is the secret. */
  secret: fromElsewhere.optional(),
  /** @default every event */
  events: z
    .array(z.enum(EVENTS, `one of ${EVENTS.join(", ")}`))
    .min(1, "at least one event")
    .optional(),
  deadlineSeconds: seconds(1, 60).default(10),
  ...filter,
});
export type NotificationConfig = z.output<typeof notification>;

const hook = z
  .strictObject({
    name: label,
    moments: z.array(z.enum(MOMENTS, `one of ${MOMENTS.join(", ")}`)).min(1, "at least one moment"),
    url: url.optional(),
    secret: fromElsewhere.optional(),
    /** A program with its arguments; it gets the call on standard input and in CUTOVER_… variables. */
    command: z.array(z.string()).min(1, "a command with its arguments").optional(),
    deadlineSeconds: seconds(1, 600).default(30),
    /** What a refusal, a failure or silence leads to, at a moment that is asked about. */
    fail: z.enum(["hold", "ignore"], '"hold" or "ignore"').default("hold"),
    ...filter,
  })
  .refine((h) => (h.url === undefined) !== (h.command === undefined), "a url or a command, one of the two")
  .refine((h) => h.command === undefined || h.secret === undefined, "no secret beside a command: nothing is signed");
export type HookConfig = z.output<typeof hook>;

const unique = (items: readonly { name: string }[]) => new Set(items.map((i) => i.name)).size === items.length;

const A_CRON = 'five fields of cron: minute, hour, day of the month, month, day of the week, for example "0 5 * * *"';

/** As the queue reads it, which would end the service over any other. */
function isCron(line: string): boolean {
  try {
    CronExpressionParser.parse(line, { tz: "UTC" }).next();
    return true;
  } catch {
    return false;
  }
}

const operationsSchema = z.strictObject({
  /** Hosts, or HOST:PORT, that may have private addresses and may be asked without TLS. */
  allowHosts: z.array(z.string().regex(/^[A-Za-z0-9.:[\]-]+$/, "a host, or HOST:PORT")).default([]),
  notifications: z.array(notification).refine(unique, "names that differ").default([]),
  hooks: z.array(hook).refine(unique, "names that differ").default([]),
  drift: z
    .strictObject({
      /** When stacks are compared with what is really there, in UTC. */
      cron: z
        .string(A_CRON)
        .regex(/^\S+( \S+){4}$/, A_CRON)
        .refine(isCron, A_CRON),
    })
    .optional(),
});
export type OperationsConfig = z.output<typeof operationsSchema>;

export const NO_OPERATIONS: OperationsConfig = operationsSchema.parse({});

/** Checks what a file says. @throws UserError naming each wrong value */
export const parseOperations = (text: string, file: string): OperationsConfig => parseYaml(text, file, operationsSchema);

/** Reads `operations.yaml`: notifications, hooks and the schedule of drift detection. @throws UserError */
export async function readOperations(file: string): Promise<OperationsConfig> {
  const config = await readYamlFile(file, operationsSchema, { what: "a file that can be read", docs: "docs/operations.md" });
  await requireUsable(config);
  return config;
}

/** At the start, and not when the first message cannot be sent. @throws UserError for a URL or secret that is not there or not right */
export async function requireUsable({ notifications, hooks, allowHosts }: OperationsConfig): Promise<void> {
  const receivers = [
    ...notifications.map(({ name, url, secret }) => ({ path: `notifications.${name}`, url, secret })),
    ...hooks.map(({ name, url, secret }) => ({ path: `hooks.${name}`, url, secret })),
  ];
  for (const { path, url: source, secret } of receivers) {
    if (source === undefined) continue;
    const url = await urlOf(source, `${path}.url`);
    if (url.protocol !== "https:" && !allowHosts.includes(url.host) && !allowHosts.includes(url.hostname))
      throw new UserError({ path: `${path}.url`, got: url.protocol, accepted: "an https URL, or a host that is in allowHosts" });
    if (secret !== undefined) signingKey(await secretValue(secret, `${path}.secret`), `${path}.secret`);
  }
}

/** The value itself. Read each time: a mounted file changes when its secret is exchanged. @throws UserError */
export async function secretValue(source: string | FromElsewhere, path: string): Promise<string> {
  if (typeof source === "string") return source;
  const found =
    "env" in source
      ? process.env[source.env]
      : await readFile(source.file, "utf8")
          .then((t) => t.trim())
          .catch(() => undefined);
  if (found === undefined || found === "")
    throw new UserError({ path, accepted: "env" in source ? `the variable ${source.env}` : `a file ${source.file} that can be read` });
  return found;
}

/** Whether something configured is for a stack. */
export const isFor = (
  { environments, applications }: { environments?: string[] | undefined; applications?: string[] | undefined },
  of: { application: string; environment: string },
): boolean => environments?.includes(of.environment) !== false && applications?.includes(of.application) !== false;

/** A URL to post to. @throws UserError, without the URL when it comes from elsewhere */
export async function urlOf(source: string | FromElsewhere, path: string): Promise<URL> {
  const text = await secretValue(source, path);
  if (!URL.canParse(text)) throw new UserError({ path, got: "another text", accepted: "an https URL" });
  return new URL(text);
}
