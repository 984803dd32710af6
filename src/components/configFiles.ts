import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { namespaceOf, type StackConfig } from "../config/schema.js";
import { filesIn } from "./appPods.js";
import type { FileArgs } from "./podArgs.js";

/** The files of a process, with the ConfigMap that holds them. */
export function fileArgs(config: StackConfig, process: string, parent: pulumi.Resource): FileArgs[] {
  const { files, map } = filesIn(config, process);
  if (map === undefined) return files;
  const { name, data } = map;
  const metadata = { name, namespace: namespaceOf(config), labels: { app: config.application.name } };
  const made = new k8s.core.v1.ConfigMap(name, { metadata, data }, { parent });
  return files.map((file) => (file.configMap === undefined ? file : { ...file, configMap: made.metadata.name }));
}
