import type * as k8s from "@pulumi/kubernetes";
import type { PodTemplateArgs, VolumeArgs } from "./podArgs.js";

type Volume = k8s.types.input.core.v1.Volume;
type Mount = k8s.types.input.core.v1.VolumeMount;

/** Name of the claim of an application's volume. */
export const claimName = (app: string, name: string, volume: VolumeArgs): string =>
  volume.kind === "claim" ? volume.name : `${app}-${name}`;

/** A pod's volumes, and where its containers have them. */
export function folders(app: string, args: PodTemplateArgs): { volumes: Volume[]; mounts: Mount[] } {
  const volumes: Volume[] = [{ name: "tmp", emptyDir: {} }];
  const mounts: Mount[] = [{ name: "tmp", mountPath: "/tmp" }];
  for (const [i, mountPath] of (args.writablePaths ?? []).entries()) {
    volumes.push({ name: `writable-${i}`, emptyDir: {} });
    mounts.push({ name: `writable-${i}`, mountPath });
  }
  for (const [i, mount] of (args.mounts ?? []).entries()) {
    const persistent = mount.volume === undefined ? undefined : args.volumes?.[mount.volume];
    const name = mount.volume === undefined ? `folder-${i}` : `volume-${mount.volume}`;
    if (!volumes.some((v) => v.name === name))
      volumes.push(
        mount.volume !== undefined && persistent !== undefined
          ? { name, persistentVolumeClaim: { claimName: claimName(app, mount.volume, persistent) } }
          : {
              name,
              emptyDir: {
                ...(mount.memory === true ? { medium: "Memory" } : {}),
                ...(mount.sizeLimit === undefined ? {} : { sizeLimit: mount.sizeLimit }),
              },
            },
      );
    mounts.push({
      name,
      mountPath: mount.path,
      ...(mount.subPath === undefined ? {} : { subPath: mount.subPath }),
      ...(mount.readOnly === true ? { readOnly: true } : {}),
    });
  }
  // A file alone, and not its whole folder: what the image has beside it stays.
  for (const [i, { path, key, configMap }] of (args.files ?? []).entries()) {
    const name = `file-${i}`;
    const items = [{ key, path: "file" }];
    volumes.push(
      configMap === undefined
        ? { name, secret: { secretName: args.secretName ?? `${app}-secrets`, items } }
        : { name, configMap: { name: configMap, items } },
    );
    mounts.push({ name, mountPath: path, subPath: "file", readOnly: true });
  }
  return { volumes, mounts };
}
