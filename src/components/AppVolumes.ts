import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { requireName } from "./checks.js";
import type { VolumeArgs } from "./podArgs.js";
import { claimName } from "./podFolders.js";

export interface AppVolumesArgs {
  /** Namespace of the claims. */
  namespace: string;
  /** Persistent folders by name. */
  volumes: Record<string, VolumeArgs>;
}

/**
 * Claims for an application's persistent folders: EFS file systems that any number of pods mount, EBS disks of one pod at a time.
 * A claim that exists is taken as it is. What is on them outlives the objects: removing them removes no data.
 *
 * @example
 * new AppVolumes("web-api", { namespace: "production", volumes: { uploads: { kind: "efs", fileSystemId: "fs-0123456789abcdef0" } } });
 *
 * @seed risk table: shared storage
 * @cost The EFS file system's and the EBS disks' own.
 */
export class AppVolumes extends pulumi.ComponentResource {
  readonly nodes: { claims: k8s.core.v1.PersistentVolumeClaim[] };

  constructor(name: string, args: AppVolumesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:AppVolumes", name, {}, opts);
    requireName(`AppVolumes(${name}).namespace`, args.namespace);
    const claims = Object.entries(args.volumes).flatMap(([volume, shape]) => this.claim(name, args.namespace, volume, shape) ?? []);
    this.nodes = { claims };
    this.registerOutputs({});
  }

  private claim(app: string, namespace: string, volume: string, shape: VolumeArgs): k8s.core.v1.PersistentVolumeClaim | undefined {
    if (shape.kind === "claim") return undefined;
    const full = claimName(app, volume, shape);
    const labels = { app };
    // A disk is made where its first pod runs, so nothing waits for it before.
    const metadata = { name: full, namespace, labels, annotations: { "pulumi.com/skipAwait": "true" } };
    if (shape.kind === "ebs")
      return new k8s.core.v1.PersistentVolumeClaim(
        full,
        {
          metadata,
          spec: { accessModes: ["ReadWriteOnce"], storageClassName: shape.storageClass, resources: { requests: { storage: shape.size } } },
        },
        // The disk goes with its claim: a way back leaves both.
        { parent: this, retainOnDelete: true },
      );
    const name = `${namespace}-${full}`;
    // EFS has no size; Kubernetes wants one.
    const storage = "1Gi";
    const access = { accessModes: ["ReadWriteMany"], storageClassName: "" };
    const handle = shape.accessPointId === undefined ? shape.fileSystemId : `${shape.fileSystemId}::${shape.accessPointId}`;
    const persistent = new k8s.core.v1.PersistentVolume(
      full,
      {
        metadata: { name, labels },
        spec: {
          ...access,
          capacity: { storage },
          persistentVolumeReclaimPolicy: "Retain",
          csi: { driver: "efs.csi.aws.com", volumeHandle: handle, volumeAttributes: { encryptInTransit: "true" } },
          claimRef: { name: full, namespace },
        },
      },
      { parent: this },
    );
    return new k8s.core.v1.PersistentVolumeClaim(
      full,
      { metadata, spec: { ...access, volumeName: name, resources: { requests: { storage } } } },
      { parent: this, dependsOn: [persistent] },
    );
  }
}
