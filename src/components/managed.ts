import * as pulumi from "@pulumi/pulumi";
import { FIELD_MANAGER } from "../lib/fieldManager.js";

/**
 * How the engine's Kubernetes provider applies: under one name, so that an object whose creation was interrupted has no second
 * owner that nobody speaks for any more, and over what others wrote, so that a hand-made change stops neither an update nor the
 * way back. Source: fieldManagerName and patchForce in pulumi-kubernetes, pkg/provider/provider.go and pkg/await/await.go.
 */
export const MANAGED = { "pulumi.com/patchFieldManager": FIELD_MANAGER, "pulumi.com/patchForce": "true" };

/** Longest that the provider waits for an object by itself, in seconds: its own default. */
const MOST_SECONDS = 600;

type Metadata = { annotations?: pulumi.Input<Record<string, pulumi.Input<string>>> } | undefined;

/**
 * Makes every Kubernetes object of a component be applied like that.
 * @param readySeconds how long an object may take to be ready before the update counts as failed
 */
export function managed(readySeconds: number): pulumi.ResourceTransformation {
  const seconds = `${Math.min(MOST_SECONDS, readySeconds)}s`;
  return ({ type, props, opts }) => {
    // Helm applies by itself, and patches have names of their own.
    if (!type.startsWith("kubernetes:") || type.startsWith("kubernetes:helm.sh/") || type.endsWith("Patch")) return undefined;
    const { metadata } = props as { metadata?: pulumi.Input<Metadata> };
    const annotated =
      pulumi.Output.isInstance(metadata) || metadata instanceof Promise
        ? pulumi.output(metadata).apply(withManager)
        : withManager(metadata as Metadata);
    return {
      props: { ...props, metadata: annotated },
      opts: { ...opts, customTimeouts: { create: seconds, update: seconds, ...opts.customTimeouts } },
    };
  };
}

function withManager(metadata: Metadata) {
  const { annotations } = metadata ?? {};
  return {
    ...metadata,
    annotations:
      pulumi.Output.isInstance(annotations) || annotations instanceof Promise
        ? pulumi.output(annotations).apply((all) => ({ ...all, ...MANAGED }))
        : { ...annotations, ...MANAGED },
  };
}
