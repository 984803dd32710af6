import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { errorRate, type Selection } from "../promql/expressions.js";
import { plainSelection } from "./AlertRules.js";
import { require, requireName, requireNumber, requireText } from "./checks.js";
import { FORCED, RUNNER } from "./objects.js";
import type { PodTemplateArgs } from "./podArgs.js";
import { checkPodTemplate, podTemplate } from "./podTemplate.js";
import { serviceAccountOf } from "./serviceAccount.js";

export interface CanaryRolloutArgs extends PodTemplateArgs {
  /** Namespace of the Rollout and its Services. */
  namespace: pulumi.Input<string>;
  /** Pods. @default 5 (seed: rollout.yaml) */
  replicas?: pulumi.Input<number>;
  /** Weights in percent and the pause after each, in seconds. @default 20, 40, 60, 80 with 300 s each (seed: rollout.yaml) */
  steps?: { setWeight: number; pauseSeconds: number }[];
  /** Earlier ReplicaSets that are kept for an undo. @default 2 (seed: rollout.yaml) */
  revisionHistoryLimit?: number;
  /** Name of the Ingress whose load balancer splits the traffic exactly. Absent: the load balancer is left alone, and the split is by numbers of pods. */
  ingressName?: pulumi.Input<string>;
  /** Service that the Ingress names. */
  rootService: pulumi.Input<string>;
  /** Port of the Services. @default 80 */
  servicePort?: number;
  /** Fraction of requests answered 5xx above which the canary is aborted. @default 0.05 */
  maxErrorRate?: number;
  /** Whether an analysis against Prometheus watches the canary. @default true */
  analysis?: boolean;
  /** What selects the application's metrics. @default the guide's names, job NAME in the namespace */
  selection?: Selection;
  /** Prometheus that the analysis asks. @default "http://prometheus.monitoring.svc:9090" */
  prometheusAddress?: string;
  /**
   * Two Services that take turns, in place of one for the stable and one for the new version: each keeps its pods through a promotion,
   * so that the load balancer has known them healthy for as long as they served. From a Rollout's first day on: a live switch
   * empties the stable version's target group. @default false
   */
  pingPong?: boolean;
  /** What must be there before the pods, as the Ingress that makes them pods of a target group. @default nothing */
  podsAfter?: pulumi.Input<pulumi.Resource[]>;
  /**
   * Seconds that the canary's pods stay after an abort, while the load balancer takes their weight away. Without `pingPong` Argo
   * Rollouts 1.8.3 turns the canary's Service to and fro for all of that time: measured, 27 changes a second; with it, none.
   * @default 60 with `pingPong`, otherwise 15
   */
  abortScaleDownDelaySeconds?: number;
  /** Seconds that a new pod must be ready before it counts. @default 5 */
  minReadySeconds?: number;
  /** Whether the autoscaler owns the number of pods. @default false */
  autoscaled?: boolean;
  /** Whether this component makes the ServiceAccount NAME; false when a Workload does. @default true */
  identity?: boolean;
}

/** Whether Prometheus measured anything, in the language of Argo's conditions. */
const MEASURED = "len(result) > 0 && !isNaN(result[0])";
const STEPS = [20, 40, 60, 80].map((setWeight) => ({ setWeight, pauseSeconds: 300 }));

/**
 * A workload as an Argo Rollout that releases in steps, with an analysis against Prometheus beside it that aborts a bad
 * canary by itself. The stable pods keep their full number throughout, so an abort finds them ready to carry everything.
 *
 * @example
 * new CanaryRollout("admin-portal", { namespace: "production", image: "ghcr.io/your-org/admin-portal:1.1.0", rootService: "admin-portal", ingressName: "admin-portal" });
 *
 * @seed rollout.yaml
 * @cost The pods' requests on the cluster's nodes; while a canary runs, up to twice as many.
 */
export class CanaryRollout extends pulumi.ComponentResource {
  /** Names of the Services of the stable and of the new version, whose weights the load balancer splits; with `pingPong` at first. */
  readonly serviceNames: { stable: pulumi.Output<string>; canary: pulumi.Output<string> };
  readonly nodes: {
    rollout: k8s.apiextensions.CustomResource;
    analysis?: k8s.apiextensions.CustomResource;
    stable: k8s.core.v1.Service;
    canary: k8s.core.v1.Service;
  };

  constructor(name: string, args: CanaryRolloutArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:CanaryRollout", name, {}, opts);
    const steps = args.steps ?? STEPS;
    checkArguments(`CanaryRollout(${name})`, args, steps);
    if (args.identity !== false) serviceAccountOf(name, args.namespace, this, args.roleArn);
    // The first to be stable is ping.
    const [first, second] = args.pingPong === true ? ["ping", "pong"] : ["stable", "canary"];
    const stable = this.service(`${name}-${first}`, name, args);
    const canary = this.service(`${name}-${second}`, name, args);
    const analysis = args.analysis === false ? undefined : this.analysis(name, args);
    const rollout = this.rollout(name, args, steps, stable, canary, analysis);
    this.serviceNames = { stable: stable.metadata.name, canary: canary.metadata.name };
    this.nodes = { rollout, ...(analysis === undefined ? {} : { analysis }), stable, canary };
    this.registerOutputs({});
  }

  /** The controller adds its own selector to each; the engine leaves that alone. */
  private service(full: string, app: string, args: CanaryRolloutArgs): k8s.core.v1.Service {
    return new k8s.core.v1.Service(
      full,
      {
        metadata: { name: full, namespace: args.namespace, labels: { app } },
        spec: {
          type: "ClusterIP",
          selector: { app },
          ports: [{ port: args.servicePort ?? 80, targetPort: args.containerPort ?? 3000, protocol: "TCP", name: "http" }],
        },
      },
      { parent: this, ignoreChanges: ["spec.selector"] },
    );
  }

  private analysis(name: string, args: CanaryRolloutArgs): k8s.apiextensions.CustomResource {
    // Only the canary's pods, where their names are known: at 5 % of the traffic the others' good answers would hide all its errors.
    const pods = `${name}-{{args.canary-hash}}-.+`;
    const query = pulumi
      .output(args.namespace)
      .apply((namespace) => errorRate({ ...(args.selection ?? plainSelection(name, namespace)), pods }, "5m"));
    const limit = args.maxErrorRate ?? 0.05;
    return new k8s.apiextensions.CustomResource(
      `${name}-error-rate`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "AnalysisTemplate",
        metadata: { name: `${name}-error-rate`, namespace: args.namespace, labels: { app: name } },
        spec: {
          args: [{ name: "canary-hash" }],
          metrics: [
            {
              name: "error-rate",
              interval: "60s",
              failureLimit: 2,
              // No traffic gives no sample, or NaN: that is neither success nor failure, and too much of it pauses the Rollout.
              inconclusiveLimit: 5,
              successCondition: `${MEASURED} && result[0] <= ${limit}`,
              failureCondition: `${MEASURED} && result[0] > ${limit}`,
              provider: { prometheus: { address: args.prometheusAddress ?? "http://prometheus.monitoring.svc:9090", query } },
            },
          ],
        },
      },
      { parent: this },
    );
  }

  private rollout(
    name: string,
    args: CanaryRolloutArgs,
    steps: NonNullable<CanaryRolloutArgs["steps"]>,
    stable: k8s.core.v1.Service,
    canary: k8s.core.v1.Service,
    analysis: k8s.apiextensions.CustomResource | undefined,
  ): k8s.apiextensions.CustomResource {
    const labels = { app: name };
    const port = args.servicePort ?? 80;
    return new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Rollout",
        // Once the autoscaler is gone, the number of pods is the config's again.
        metadata: { name, namespace: args.namespace, labels, annotations: FORCED },
        spec: {
          replicas: args.replicas ?? 5,
          minReadySeconds: args.minReadySeconds ?? 5,
          revisionHistoryLimit: args.revisionHistoryLimit ?? 2,
          // A Deployment of the same application may still select `app` alone.
          selector: { matchLabels: { ...labels, [RUNNER]: "rollout" } },
          strategy: {
            canary: {
              ...(args.pingPong === true
                ? { pingPong: { pingService: stable.metadata.name, pongService: canary.metadata.name } }
                : { stableService: stable.metadata.name, canaryService: canary.metadata.name }),
              ...(args.ingressName === undefined
                ? {}
                : {
                    trafficRouting: { alb: { ingress: args.ingressName, rootService: args.rootService, servicePort: port } },
                    abortScaleDownDelaySeconds: args.abortScaleDownDelaySeconds ?? (args.pingPong === true ? 60 : 15),
                  }),
              ...(analysis === undefined ? {} : { analysis: analysisOf(analysis) }),
              steps: steps.flatMap((s) => [{ setWeight: s.setWeight }, { pause: { duration: `${s.pauseSeconds}s` } }]),
            },
          },
          template: podTemplate(name, { ...labels, [RUNNER]: "rollout" }, args),
        },
      },
      {
        parent: this,
        ...(args.autoscaled === true ? { ignoreChanges: ["spec.replicas"] } : {}),
        ...(args.podsAfter === undefined ? {} : { dependsOn: args.podsAfter }),
      },
    );
  }
}

const analysisOf = (template: k8s.apiextensions.CustomResource) => ({
  templates: [{ templateName: template.metadata.name }],
  args: [{ name: "canary-hash", valueFrom: { podTemplateHashValue: "Latest" } }],
  startingStep: 1,
});

function checkArguments(at: string, args: CanaryRolloutArgs, steps: NonNullable<CanaryRolloutArgs["steps"]>): void {
  requireName(`${at}.namespace`, args.namespace);
  checkPodTemplate(at, args);
  requireNumber(`${at}.replicas`, args.replicas, 1, 10_000);
  requireNumber(`${at}.revisionHistoryLimit`, args.revisionHistoryLimit, 0, 100);
  requireNumber(`${at}.servicePort`, args.servicePort, 1, 65_535);
  requireNumber(`${at}.abortScaleDownDelaySeconds`, args.abortScaleDownDelaySeconds, 1, 86_400);
  requireText(`${at}.prometheusAddress`, args.prometheusAddress, /^https?:\/\//, "a URL");
  const { maxErrorRate = 0.05 } = args;
  require(maxErrorRate > 0 && maxErrorRate < 1, `${at}.maxErrorRate`, maxErrorRate, "a fraction above 0 and below 1");
  require(steps.length > 0, `${at}.steps`, steps, "at least one step");
  for (const [i, step] of steps.entries()) {
    requireNumber(`${at}.steps[${i}].setWeight`, step.setWeight, 0, 100);
    requireNumber(`${at}.steps[${i}].pauseSeconds`, step.pauseSeconds, 0, 86_400);
  }
}
