import { z } from "zod";
import { UserError } from "../errors.js";
import { arn, seconds } from "./primitives.js";
import { readYamlFile } from "./yamlFile.js";

const DAY = 86_400;

const command = z.array(z.string()).min(1, "a command with its arguments");

/** How the service reaches one environment's far side. Nothing here changes what a stack should be. */
export const targetSchema = z.strictObject({
  aws: z
    .strictObject({
      /** Profile of the shared AWS configuration. @default the ordinary chain of credentials */
      profile: z.string().min(1).optional(),
      /** Role that is assumed. */
      roleArn: arn("iam").optional(),
      /** Another endpoint for every service. */
      endpoint: z.url("a URL").optional(),
      /** Key of the cost allocation tag that names the application. */
      costTag: z.string().min(1).default("Application"),
    })
    .prefault({}),
  cluster: z.strictObject({ kubeconfig: z.string().min(1).optional(), context: z.string().min(1).optional() }).prefault({}),
  prometheus: z.strictObject({
    url: z.url("a URL, for example http://prometheus.example.com:9090"),
    tokenFile: z.string().min(1).optional(),
  }),
  database: z
    .strictObject({
      /** User that administers both databases: another one than the application's, or writes cannot be stopped. @default the application's own */
      adminUser: z.string().min(1).optional(),
      /** Key of the stack's secrets with that user's password; the second of them never reaches the pods. @default database-password */
      adminPasswordSecret: z.enum(["database-password", "database-admin-password"]).default("database-password"),
      /** Certificate authorities that the databases' certificates come from. @default the system's */
      caFile: z.string().min(1).optional(),
    })
    .prefault({}),
  dns: z
    .strictObject({
      /** How often each authoritative server is asked for one reading. */
      samples: z.int().min(1).max(1_000).default(40),
      /** Resolvers that stand for those of the users. */
      resolvers: z
        .array(z.union([z.ipv4(), z.ipv6()], "an IP address"))
        .min(1, "at least one resolver")
        .default(["1.1.1.1", "8.8.8.8", "9.9.9.9"]),
    })
    .prefault({}),
  /**
   * The old fleet's own commands. Each must do nothing the second time. They get CUTOVER_APPLICATION and
   * CUTOVER_ENVIRONMENT; `useDatabase` gets CUTOVER_DATABASE_SIDE, _HOST, _PORT and _NAME too. Each is needed once a plan has a step
   * for it.
   */
  fleet: z
    .strictObject({
      maintenanceOn: command.optional(),
      maintenanceOff: command.optional(),
      useDatabase: command.optional(),
      /** Has as many queue workers run as CUTOVER_WORKERS_PERCENT says, in percent of what ran before the migration. */
      setWorkers: command.optional(),
      /** Keeps what CUTOVER_PROCESSES names (schedules and singletons) from beginning, and asks what runs to end. */
      stopOnce: command.optional(),
      /** Undoes that. CUTOVER_MISSED_RUNS names runs that were due on neither side, as PROCESS=TIME, comma-separated. */
      startOnce: command.optional(),
      /** Prints, as its last line, how many of CUTOVER_PROCESSES run or could begin by themselves. */
      onceRunning: command.optional(),
      /**
       * Copies what changed, and deletes what is gone: with CUTOVER_FROM `old` from what the instances use to the volume, which is
       * nothing where they use the volume already; with `new` from the volume to the instances' own disk. CUTOVER_VOLUME is the
       * volume's name, CUTOVER_FOLDER the folder on the instances. With CUTOVER_CHECKSUMS `yes` contents are compared too, else sizes
       * and times. Runs once a folder.
       */
      copyFiles: command.optional(),
      /** Prints, as its last line, how many files `copyFiles` with the same CUTOVER_FROM would change; it changes none. */
      filesDiffering: command.optional(),
      /** Has the folder be the volume (CUTOVER_FILES_SIDE `new`), or the instances' own disk (`old`). */
      useFiles: command.optional(),
      timeoutSeconds: seconds(1, 3_600).default(120),
      /** Longest that one copy may take. */
      copySeconds: seconds(1, 7 * DAY).default(DAY),
    })
    .optional(),
});
export type TargetConfig = z.output<typeof targetSchema>;

const fileSchema = z.record(z.string().regex(/^[a-z][-a-z0-9]*$/, "an environment, for example production"), targetSchema);

/**
 * Reads `targets.yaml`: environment → how to reach it.
 * @throws UserError naming each wrong value, or the environment that is missing
 */
export async function readTarget(file: string, environment: string): Promise<TargetConfig> {
  const targets = await readYamlFile(file, fileSchema, {
    what: "a file that says how each environment is reached",
    docs: "docs/targets.md",
  });
  const target = targets[environment];
  if (target === undefined)
    throw new UserError({
      path: `${file}: ${environment}`,
      accepted: `an entry for the environment; there are ${Object.keys(targets).join(", ") || "none"}`,
    });
  return target;
}
