import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { serviceAccountArgs } from "./objects.js";

/** The identity of an application's pods. */
export function serviceAccountOf(
  app: string,
  namespace: pulumi.Input<string>,
  parent: pulumi.Resource,
  roleArn?: pulumi.Input<string>,
): k8s.core.v1.ServiceAccount {
  return new k8s.core.v1.ServiceAccount(app, serviceAccountArgs(app, namespace, roleArn), { parent });
}
