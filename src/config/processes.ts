import { z } from "zod";
import { parseSchedule, type Schedule } from "../lib/cron.js";
import { env, podOptions, probe, resources, secretEnv, writablePaths } from "./pods.js";
import { count, image, memory, name, port, ramp, seconds, timeZone, weight } from "./primitives.js";

const DAY = 86_400;

/** What every process says, whatever its kind. */
const common = {
  /** An image of its own, with a tag or digest. @default the application's, and its next version with the rollout */
  image: image.optional(),
  /** Replaces the image's entry point. @default the image's own */
  command: z.array(z.string().min(1)).min(1, "at least one word").optional(),
  /** Arguments of the entry point. @default the image's own */
  args: z.array(z.string()).min(1, "at least one argument").optional(),
  /** Variables beside those of `workload.env`, which every process gets. */
  env: env.default({}),
  /** Variables from secrets beside those of `workload.secretEnv`, which every process gets. */
  secretEnv: secretEnv.default({}),
  resources,
  writablePaths,
  /** User and group id. @default the workload's */
  runAsUser: count(1, 65_535).optional(),
  terminationGraceSeconds: seconds(1, 7_200).default(75),
  ...podOptions,
};

const quiet = probe("/health", 0, 10, 5, 3);
const probes = z
  .strictObject({
    /** @default none */
    liveness: quiet.optional(),
    /** @default none */
    readiness: quiet.optional(),
    /** @default none */
    startup: quiet.optional(),
  })
  .prefault({});

const metrics = z
  .strictObject({
    scrape: z.boolean().default(false),
    port: port.optional(),
    path: z.string().startsWith("/").default("/metrics"),
  })
  .prefault({});

/** Serves others inside the cluster, or users by a route: any number on both sides at once. */
const service = z.strictObject({
  kind: z.literal("service"),
  ...common,
  replicas: count(1, 1_000).default(2),
  containerPort: port.default(3_000),
  servicePort: port.default(80),
  /** How the load balancer speaks with its pods, where a route leads to it. */
  protocolVersion: z.enum(["HTTP1", "HTTP2", "GRPC"]).default("HTTP1"),
  probes,
  metrics,
});

/** Takes work from a queue, beside its like on the other side: handed over by share. */
const worker = z.strictObject({
  kind: z.literal("worker"),
  ...common,
  replicas: count(1, 1_000).default(2),
  /** @default none */
  containerPort: port.optional(),
  probes,
  metrics,
});

/** Runs once in the world: stopped and observed stopped on one side before it starts on the other. */
const singleton = z.strictObject({
  kind: z.literal("singleton"),
  ...common,
  /** @default none */
  containerPort: port.optional(),
  probes,
  metrics,
});

/** Runs at times, on one side only: a CronJob that never runs beside itself. */
const schedule = z.strictObject({
  kind: z.literal("schedule"),
  ...common,
  /** Five fields, or a word such as @hourly. */
  schedule: z.string().refine((text) => parseSchedule(text) !== undefined, 'a schedule of five fields, for example "15 * * * *"'),
  timeZone: timeZone.default("UTC"),
  /** How late a run may begin, and no later: a time that was missed by more is left out. */
  startingDeadlineSeconds: seconds(10, DAY).default(120),
  /** How long a run may take. @default without a bound */
  deadlineSeconds: seconds(1, 7 * DAY).optional(),
  /** How often a run that failed is begun again. */
  retries: count(0, 100).default(0),
});

/** Runs to its end before a version starts; the rollout is held while it fails. */
const release = z.strictObject({
  kind: z.literal("release"),
  ...common,
  timeoutSeconds: seconds(10, DAY).default(600),
  /** Whether it runs before the first pods too, on the version that serves today: right for an empty database. */
  first: z.boolean().default(false),
});

const KINDS = 'a process of kind "service", "worker", "singleton", "schedule" or "release"';
export const process = z.discriminatedUnion("kind", [service, worker, singleton, schedule, release], { error: KINDS });

/**
 * What the application runs beside its web process, by name. `workload` is the process `web`; what stands in `processes.web` is
 * read as part of it.
 */
export const processes = z
  .record(name.max(20, "at most 20 characters"), process)
  .refine((all) => !("web" in all), "processes.web only with what workload has")
  .default({});

/**
 * Files on the old side's disks that move into a volume: copied while the application runs, once more while writes are stopped, and
 * from then on both sides use the volume. The old fleet mounts it too; its commands do the copying (`fleet.copyFiles`).
 */
const copy = z
  .strictObject({
    /** Folder on the old side's instances. */
    from: z
      .string()
      .regex(/^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._@+-]+)+$/, "an absolute folder of letters, digits and ._@+-, other than /")
      .max(255, "at most 255 characters"),
    /** What is in it, in GB: how long the first copy takes in a rehearsal. */
    sizeGb: z.number().positive().max(1_000_000),
  })
  .optional();

/** Persistent folders, by name; `mounts` of a process say where they are. */
export const volumes = z
  .record(
    name,
    z.discriminatedUnion(
      "kind",
      [
        z.strictObject({
          kind: z.literal("efs"),
          /** An EFS file system that the cluster's nodes can reach: any number of pods may mount it. */
          fileSystemId: z.string().regex(/^fs-[a-z0-9]{3,}$/, "an id that starts with fs-"),
          /** @default the file system's root */
          accessPointId: z
            .string()
            .regex(/^fsap-[a-z0-9]{3,}$/, "an id that starts with fsap-")
            .optional(),
          /** Files that move into it. @default none */
          copy,
        }),
        z.strictObject({
          kind: z.literal("ebs"),
          /** A disk of one pod at a time: for singletons only. */
          size: memory,
          storageClass: name.default("gp3"),
        }),
        z.strictObject({
          kind: z.literal("claim"),
          /** A PersistentVolumeClaim that exists. */
          name,
          /** Files that move into it. @default none */
          copy,
        }),
      ],
      { error: 'a volume of kind "efs", "ebs" or "claim"' },
    ),
  )
  .default({});

const queue = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({
      kind: z.literal("sqs"),
      /** Name of the queue. */
      name: z.string().regex(/^[A-Za-z0-9_-]{1,75}(\.fifo)?$/, "a queue's name"),
      /** Name of its dead-letter queue. @default dead letters are not looked at */
      deadLetters: z
        .string()
        .regex(/^[A-Za-z0-9_-]{1,75}(\.fifo)?$/, "a queue's name")
        .optional(),
    }),
    z.strictObject({
      kind: z.literal("prometheus"),
      /** Expression for the age of the oldest message in seconds. */
      age: z.string().min(1),
      /** Expression for the number of dead letters. @default dead letters are not looked at */
      deadLetters: z.string().min(1).optional(),
    }),
  ],
  { error: 'a queue of kind "sqs" or "prometheus"' },
);

/** How what may run on one side only, and what takes work from queues, moves to the new side. */
export const handover = z
  .strictObject({
    /** Percent of the workers on the new side, step by step. */
    steps: ramp([25, 50, 100]),
    /** How long the gates must hold after each of them. */
    holdSeconds: seconds(60, 30 * DAY).default(300),
    /** What the workers take from: without one nothing can be said of it, and the steps ask a person. */
    queues: z.array(queue).default([]),
    /** Highest age of the oldest message. */
    maxQueueAgeSeconds: seconds(1, DAY).default(300),
    /** Most dead letters that a queue may hold. */
    maxDeadLetters: count(0, 1_000_000).default(0),
    /** Distance to the nearest time of a schedule when it is stopped: where schedules are closer, a quarter of their distance. */
    quietSeconds: seconds(5, 3_600).default(60),
    /** How long what still runs may take to its end. */
    stopSeconds: seconds(10, DAY).default(1_800),
    /** Percent of the workers on the new side. Set by steps. */
    workers: weight.default(0),
    /** Where schedules and singletons run. Set by steps. */
    once: z.enum(["old", "new"]).default("old"),
  })
  .prefault({});

export type Process = z.output<typeof process>;
export type Volumes = z.output<typeof volumes>;
type Of<K extends Process["kind"]> = Extract<Process, { kind: K }>;

interface Runs {
  workload: { web: boolean; once: boolean };
  processes: Record<string, Process>;
}

interface Handed extends Runs {
  old?: unknown;
  handover: z.output<typeof handover>;
}

const ofKind = <K extends Process["kind"]>(all: Record<string, Process>, ...kinds: K[]): [string, Of<K>][] =>
  Object.entries(all).filter((entry): entry is [string, Of<K>] => (kinds as string[]).includes(entry[1].kind));

export const servicesOf = (c: Pick<Handed, "processes">) => ofKind(c.processes, "service");
export const workersOf = (c: Pick<Handed, "processes">) => ofKind(c.processes, "worker");
type Single = [string, { kind: "singleton" }];
const webOnce = ({ workload }: Runs): Single[] => (workload.web && workload.once ? [[WEB, { kind: "singleton" }]] : []);
/** The web process is one where it may run only once. */
export const singletonsOf = (c: Runs): Single[] => [...webOnce(c), ...ofKind(c.processes, "singleton")];
export const schedulesOf = (c: Pick<Handed, "processes">) => ofKind(c.processes, "schedule");
export const releasesOf = (c: Pick<Handed, "processes">) => ofKind(c.processes, "release");
/** What may run on one side only. */
export const onceOf = (c: Runs): [string, { kind: "singleton" | "schedule" }][] => [
  ...webOnce(c),
  ...ofKind(c.processes, "singleton", "schedule"),
];

/** Whether what may run once runs on the new side. Without an old side there is no other. */
export const onceIsNew = (c: Handed): boolean => c.old === undefined || c.handover.once === "new";
/** The web process is stopped on the old side before it starts on the new one: its users move with it, in one step. */
export const webMovesOnce = ({ workload, old }: Pick<Handed, "workload" | "old">): boolean =>
  workload.web && workload.once && old !== undefined;
/** How many pods of the web process run on the new side. */
export const webReplicas = (c: Handed & { workload: { replicas: number } }): number =>
  webMovesOnce(c) && !onceIsNew(c) ? 0 : c.workload.replicas;
/** Percent of the workers on the new side. */
export const workersOnNew = (c: Handed): number => (c.old === undefined ? 100 : c.handover.workers);

/** How many pods of a worker run on the new side: a share of it, and one at least once it has any. */
export const replicasOnNew = (replicas: number, percent: number): number => Math.ceil((replicas * percent) / 100);

/** What the web process is called among the others: none of `processes` has this name. */
export const WEB = "web";

/** The name of a process's objects. */
export const processName = (app: string, process: string): string => (process === WEB ? app : `${app}-${process}`);

/** A checked schedule. */
export function scheduleOf(text: string): Schedule {
  const schedule = parseSchedule(text);
  if (schedule === undefined) throw new Error(`${text} is no schedule`);
  return schedule;
}
