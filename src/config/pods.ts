import { z } from "zod";
import { count, cpu, image, memory, name, port, seconds } from "./primitives.js";

/** What any pod or container of an application may say: shared by `workload` (the process `web`) and `processes`. */

export const envName = z.string().regex(/^(?!\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*$/, "an environment variable name");
export const env = z.record(envName, z.string());
/** Environment variable → key of the application's Secret. */
export const secretEnv = z.record(envName, name);

const folder = z.string().regex(/^(\/[A-Za-z0-9._-]+)+$/, "an absolute folder without a slash at its end, for example /var/cache/app");
const words = z.array(z.string().min(1)).min(1, "at least one word");

const PROBES = ["http", "tcp", "grpc", "exec", "none"] as const;

/** A probe; what is not said is the default of its place. */
export const probe = (path: string, initialDelaySeconds: number, periodSeconds: number, timeoutSeconds: number, failureThreshold: number) =>
  z
    .strictObject({
      /** How it is asked: `http`, `tcp`, `grpc`, `exec` with a command in the container, or not at all. */
      kind: z.enum(PROBES, `one of ${PROBES.join(", ")}`).default("http"),
      path: z.string().startsWith("/", "a path that starts with /").default(path),
      /** @default the container's own */
      port: port.optional(),
      /** Host header of an HTTP probe, for applications that answer known hosts only. @default the pod's address */
      host: z.string().min(1).optional(),
      /** Command of an `exec` probe. */
      command: words.optional(),
      /** Service of a `grpc` probe. @default the server as a whole */
      service: z.string().min(1).optional(),
      initialDelaySeconds: seconds(0, 3_600).default(initialDelaySeconds),
      periodSeconds: seconds(1, 3_600).default(periodSeconds),
      timeoutSeconds: seconds(1, 600).default(timeoutSeconds),
      failureThreshold: count(1, 1_000).default(failureThreshold),
    })
    .refine((p) => (p.kind === "exec") === (p.command !== undefined), {
      message: "a command for a probe of kind exec, and for no other",
      path: ["command"],
    });

const port1 = z.strictObject({
  name: z
    .string()
    .regex(/^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/, "a port name of at most 15 lower-case letters, for example grpc"),
  port,
  /** What it speaks below HTTP or gRPC. */
  protocol: z.enum(["TCP", "UDP"]).default("TCP"),
});

export const resources = z
  .strictObject({
    requests: z.strictObject({ memory: memory.default("256Mi"), cpu: cpu.default("250m") }).prefault({}),
    limits: z.strictObject({ memory: memory.default("512Mi"), cpu: cpu.default("500m") }).prefault({}),
  })
  .prefault({});

/** A file in the container: its text, or a key of `secrets`. `{{secret:KEY}}` in a text is replaced, and makes the file a secret. */
const configFile = z
  .strictObject({
    path: folder,
    content: z.string().max(900_000, "at most 900 kB: a ConfigMap holds no more").optional(),
    secret: name.optional(),
  })
  .refine((f) => (f.content === undefined) !== (f.secret === undefined), "either content or secret");

const mount = z.strictObject({
  path: folder,
  /** Name in `volumes`. @default an empty folder, gone with the pod */
  volume: name.optional(),
  /** Folder within the volume. */
  subPath: z
    .string()
    .regex(/^(?!.*\.\.)[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, "a relative folder")
    .optional(),
  /** Mounted without the right to write. */
  readOnly: z.boolean().default(false),
  /** Of an empty folder: how large it may get. */
  sizeLimit: memory.optional(),
  /** Of an empty folder: in memory. */
  memory: z.boolean().default(false),
});

/** A container beside the process, or before it. */
const extra = z.strictObject({
  name,
  /** @default the process's own */
  image: image.optional(),
  command: words.optional(),
  args: z.array(z.string()).min(1, "at least one argument").optional(),
  env: env.default({}),
  secretEnv: secretEnv.default({}),
  ports: z.array(port1).default([]),
  resources,
});

const security = z
  .strictObject({
    /** Starts as root. The policy restricted-pods refuses it without a waiver. */
    root: z.boolean().default(false),
    /** @default the user's id */
    runAsGroup: count(0, 65_535).optional(),
    /** Group of mounted volumes. @default the user's id */
    fsGroup: count(0, 65_535).optional(),
    /** Writes anywhere in its file system. The policy restricted-pods refuses it without a waiver. */
    writableRoot: z.boolean().default(false),
    /** Linux capabilities in spite of the drop of all. The policy restricted-pods lets NET_BIND_SERVICE pass alone. */
    capabilities: z.array(z.string().regex(/^[A-Z][A-Z_]+$/, "a capability without CAP_, for example NET_BIND_SERVICE")).default([]),
  })
  .prefault({});

/** What both `workload` and `processes` have, beyond command, image and number. */
export const podOptions = {
  /** Files from the config or from secrets. */
  configFiles: z.array(configFile).default([]),
  /** Folders: persistent ones of `volumes`, or empty ones. */
  mounts: z.array(mount).default([]),
  /** Ports beside the first one. */
  ports: z.array(port1).default([]),
  /** Containers that end before the process starts, in order. */
  initContainers: z.array(extra).default([]),
  /** Containers that run as long as the process does. */
  sidecars: z.array(extra).default([]),
  security,
  /** How pods are spread: over zones, over nodes, both, or as the scheduler likes. */
  spread: z.enum(["none", "zones", "nodes", "zones-and-nodes"]).default("none"),
  /** Whether two pods may share a node. */
  antiAffinity: z.enum(["none", "preferred", "required"]).default("none"),
  priorityClassName: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "a name of a priority class")
    .optional(),
};

export const writablePaths = z
  .array(folder)
  .refine((paths) => new Set(paths).size === paths.length, "each folder once")
  .refine((paths) => !paths.includes("/tmp"), "folders other than /tmp, which is writable already")
  .default([]);
