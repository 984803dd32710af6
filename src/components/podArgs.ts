import type * as pulumi from "@pulumi/pulumi";

/** A persistent folder. */
export type VolumeArgs =
  | { kind: "efs"; fileSystemId: string; accessPointId?: string | undefined }
  | { kind: "ebs"; size: string; storageClass: string }
  | { kind: "claim"; name: string };

/** Where a folder is in the container. */
export interface MountArgs {
  /** Folder in the container. */
  path: string;
  /** Name in `volumes`. @default an empty folder, gone with the pod */
  volume?: string | undefined;
  /** Folder within the volume. */
  subPath?: string | undefined;
  /** Mounted without the right to write. @default false */
  readOnly?: boolean;
  /** Of an empty folder: how large it may get. @default as the node allows */
  sizeLimit?: string | undefined;
  /** Of an empty folder: in memory. @default false */
  memory?: boolean;
}

export interface ProbeArgs {
  /** How it is asked. @default "http" */
  kind?: "http" | "tcp" | "grpc" | "exec" | "none";
  /** Path that is asked for over HTTP. @default "/health" */
  path?: string;
  /** Port that is asked. @default the container's */
  port?: number | undefined;
  /** Host header over HTTP. @default the pod's address */
  host?: string | undefined;
  /** Command of a probe of kind `exec`. */
  command?: string[] | undefined;
  /** Service of a probe of kind `grpc`. @default the server as a whole */
  service?: string | undefined;
  /** Seconds after the container's start. */
  initialDelaySeconds: number;
  /** Seconds between two probes. */
  periodSeconds: number;
  /** Seconds until an answer counts as missing. */
  timeoutSeconds: number;
  /** Probes in a row that must fail. */
  failureThreshold: number;
}

export interface PortArgs {
  /** Name of the port. */
  name: string;
  /** Number of the port. */
  port: number;
  /** What it speaks below HTTP or gRPC. @default "TCP" */
  protocol?: "TCP" | "UDP";
}

/** What one container is told. */
export interface ContainerArgs {
  /** Plain environment variables. @default none */
  env?: Record<string, pulumi.Input<string>>;
  /** Environment variable → key of the Secret. @default none */
  secretEnv?: Record<string, string>;
}

/** A container that ends before the process starts, or runs beside it. */
export interface ExtraContainerArgs extends ContainerArgs {
  /** Name of the container. */
  name: string;
  /** Image of its own. @default the process's */
  image?: string | undefined;
  /** Replaces the image's entry point. @default the image's own */
  command?: string[] | undefined;
  /** Arguments of the entry point. @default the image's own */
  args?: string[] | undefined;
  /** Ports that it listens on. @default none */
  ports?: PortArgs[];
  /** What it asks for and may use at most. @default as the process */
  resources?: PodTemplateArgs["resources"];
}

/** What an application's pods are made from; shared by Deployments, Argo Rollouts and Jobs. Defaults are the seed's deployment.yaml. */
export interface PodTemplateArgs extends ContainerArgs {
  /** Image with a fixed tag or digest. */
  image: pulumi.Input<string>;
  /** Replaces the image's entry point. @default the image's own */
  command?: string[];
  /** Arguments of the entry point. @default the image's own */
  args?: string[];
  /** Folders beside /tmp that the container may write to; gone with the pod. @default none */
  writablePaths?: string[];
  /** Further folders: persistent ones of `volumes`, or empty ones. @default none */
  mounts?: MountArgs[];
  /** Persistent folders by name. @default none */
  volumes?: Record<string, VolumeArgs>;
  /** Files from a ConfigMap or from the Secret. @default none */
  files?: FileArgs[];
  /** IAM role of the pods (IRSA). @default none */
  roleArn?: pulumi.Input<string>;
  /** Port that the application listens on. @default 3000 */
  containerPort?: number;
  /** Whether the process listens on no port of its own. @default false */
  portless?: boolean;
  /** Ports beside that one. @default none */
  ports?: PortArgs[];
  /** Name of the process's container. @default the application's */
  containerName?: string;
  /** Containers that end before the process starts. @default none */
  initContainers?: ExtraContainerArgs[];
  /** Containers that run as long as the process. @default none */
  sidecars?: ExtraContainerArgs[];
  /** User, capabilities and file system, where the default is too little. @default no root, no capability, read-only */
  security?: {
    root?: boolean;
    runAsGroup?: number | undefined;
    fsGroup?: number | undefined;
    writableRoot?: boolean;
    capabilities?: string[];
  };
  /** Over what the pods are spread. @default "none" */
  spread?: "none" | "zones" | "nodes" | "zones-and-nodes";
  /** Whether two pods may share a node. @default "none" */
  antiAffinity?: "none" | "preferred" | "required";
  /** Priority class of the pods. @default the cluster's default */
  priorityClassName?: string;
  /** When the node pulls the image. @default "IfNotPresent" */
  imagePullPolicy?: pulumi.Input<string>;
  /** Name of the Secret. @default NAME-secrets */
  secretName?: pulumi.Input<string>;
  /** Changes with the Secret's content, so that the pods restart with it. */
  secretChecksum?: pulumi.Input<string>;
  /** What a pod asks for and may use at most. @default 250m CPU and 256Mi asked for, 500m and 512Mi at most */
  resources?: { requests: { memory: string; cpu: string }; limits: { memory: string; cpu: string } };
  /** When a container counts as started, alive and ready. @default /health every 10 s and /ready every 5 s, as in the seed */
  probes?: { liveness?: ProbeArgs | undefined; readiness?: ProbeArgs | undefined; startup?: ProbeArgs | undefined };
  /** Annotations that tell Prometheus where to scrape. @default /metrics at the container's port */
  metrics?: { scrape: boolean; port?: number | undefined; path: string };
  /** User and group id. @default 1001 */
  runAsUser?: number;
  /**
   * How long a pod that is to leave goes on serving before it is told to stop: longer than the load balancer's deregistration delay,
   * so that no request is sent to what is gone. 0 stops at once. @default 40
   */
  preStopSeconds?: number;
  /** How long a pod may take to stop: the pause, and what the application needs after it. @default 75 */
  terminationGraceSeconds?: number;
  /** Run on the application's Spot nodes. @default false */
  spot?: boolean;
}

/** One file in the container. */
export interface FileArgs {
  /** Where it stands. */
  path: string;
  /** Key in the ConfigMap or Secret. */
  key: string;
  /** Name of the ConfigMap. @default the application's Secret */
  configMap?: pulumi.Input<string>;
}
