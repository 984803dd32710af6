import { releasesOf, webMovesOnce } from "../../../config/processes.js";
import type { ConfigPatch } from "../../../config/rawConfig.js";
import type { StackConfig } from "../../../config/schema.js";
import { drainStep } from "../drain.js";
import { STEP } from "../ids.js";
import type { ConfigStep, GateStep, Step } from "../step.js";
import { earlierConfig, gate, healthy, isStaging, NOTHING_TO_UNDO } from "./build.js";

const HOUR = 3_600;

/** Phase 4: staged rollout. Staging first; then the strategy that the stack config names. */
export function rollout(config: StackConfig): Step[] {
  // What may run only once is asked nothing before it has moved: staging has tried the version.
  const asked = config.workload.web && !webMovesOnce(config) ? [smoke] : [];
  if (isStaging(config)) return [...releases(config), ...strategySteps(config), ...asked, integration];
  return [
    stagingVerified,
    ...releases(config),
    ...synthetic(config, true),
    ...strategySteps(config),
    ...synthetic(config, false),
    ...asked,
  ];
}

const configStep = (step: Omit<ConfigStep, "phase" | "kind">): Step => ({ phase: "rollout", kind: "config", ...step });
const gateStep = (step: Omit<GateStep, "phase" | "kind">): Step => ({ phase: "rollout", kind: "gate", ...step });

const stagingVerified: Step = gateStep({
  id: "rollout.staging-verified",
  title: "Wait until the same version has passed in staging",
  seed: "Deploy to Staging Environment First",
  wayBack: NOTHING_TO_UNDO,
  gates: [gate("staging-verified")],
});

/** Before the first pod of a version starts, and held when it fails. No way back runs an earlier version's again. */
const releases = (config: StackConfig): Step[] =>
  releasesOf(config).map(([name, { image }]) => ({
    id: `rollout.release-${name}`,
    phase: "rollout",
    kind: "action",
    title: `Run ${name} of ${image ?? config.strategy.image} to its end`,
    seed: "Run database migrations",
    wayBack: { summary: "What it did stays: the earlier version must bear it.", loses: "nothing" },
    run: ({ target, effect }) => target.cluster.runRelease(name, effect),
  }));

const smoke: Step = {
  id: "rollout.smoke",
  phase: "rollout",
  kind: "action",
  title: "Run the smoke test from inside the cluster",
  seed: "kubectl run smoke-test",
  wayBack: NOTHING_TO_UNDO,
  run: ({ target, effect }) => target.cluster.smokeTest(effect),
};

const integration: Step = {
  id: "rollout.integration",
  phase: "rollout",
  kind: "action",
  title: "Run the full test suite and keep its logs",
  seed: "kubectl apply -f k8s/test-job.yaml; kubectl wait; kubectl logs",
  wayBack: NOTHING_TO_UNDO,
  run: ({ target, effect }) => target.cluster.integrationTest(effect),
};

/** Before DNS moves, no user reaches the new side: without requests its gates would stay unknown. */
function synthetic(config: StackConfig, on: boolean): Step[] {
  if (config.ingress === undefined || config.verification.syntheticRequestsPerSecond === 0 || webMovesOnce(config)) return [];
  return [
    configStep({
      id: on ? "rollout.synthetic-on" : "rollout.synthetic-off",
      title: on
        ? "Send synthetic requests to the new side, so that its gates have samples"
        : "Stop the synthetic requests: users come next",
      seed: "Monitor metrics for green deployment",
      wayBack: earlierConfig(),
      change: () => ({ "verification.synthetic": on }),
      gates: on ? healthy(60) : [],
    }),
  ];
}

function strategySteps(config: StackConfig): Step[] {
  const { strategy } = config;
  switch (strategy.kind) {
    case "rolling":
      return [
        configStep({
          id: "rollout.update",
          title: webMovesOnce(config)
            ? `Take ${strategy.image} for the pod that starts when the web process moves`
            : `Roll out ${strategy.image}, pod by pod`,
          seed: "kubectl apply -k; kubectl rollout undo",
          wayBack: earlierConfig("The earlier image is rolled out again."),
          change: () => ({ "workload.image": strategy.image }),
          gates: [gate("pods-ready", 60)],
        }),
      ];
    case "blue-green":
      return blueGreen(config, strategy);
    case "canary":
      return canary(config, strategy);
  }
}

function blueGreen(config: StackConfig, strategy: Extract<StackConfig["strategy"], { kind: "blue-green" }>): Step[] {
  // Ready pods that the load balancer cannot reach serve nobody.
  const reached = config.ingress === undefined ? [] : [gate("targets-healthy", 60)];
  return [
    configStep({
      id: "rollout.green-deploy",
      title: `Deploy green (${strategy.image}) beside blue, with no traffic`,
      seed: "kubectl apply -k k8s/overlays/production-green",
      wayBack: earlierConfig("Green is removed; blue carries everything throughout."),
      change: () => ({ "strategy.green": true, "strategy.greenWeight": 0 }),
      gates: [gate("green-ready", 60), ...reached],
    }),
    {
      id: "rollout.green-logs",
      phase: "rollout",
      kind: "action",
      title: "Keep green's last log lines as evidence",
      seed: "kubectl get pods; kubectl logs -l app=web-api,version=green --tail=100",
      wayBack: NOTHING_TO_UNDO,
      run: ({ target, config }) => target.cluster.logs({ app: config.application.name, version: "green" }, 100),
    },
    ...strategy.weights.map((w) =>
      configStep({
        id: `rollout.green-${w}`,
        title: `Send ${w} % to green`,
        seed: "Gradually increase traffic: 5%, 10%, 25%, 50%, 75%, 100%",
        wayBack: earlierConfig("The earlier split is applied again."),
        change: () => ({ "strategy.greenWeight": w }),
        // The rule as the load balancer shows it, before anything is concluded from it (promise 11).
        gates: [gate("green-weight", strategy.holdSeconds, { expect: w }), ...healthy(strategy.holdSeconds)],
      }),
    ),
    ...(config.ingress === undefined ? [] : [drainBlue]),
    configStep({
      id: "rollout.remove-blue",
      title: "Remove blue",
      seed: "kubectl delete -k k8s/overlays/production-blue",
      wayBack: earlierConfig("Blue is deployed again and takes the traffic once it is ready."),
      change: () => ({ "strategy.blue": false }),
      gates: [gate("green-ready", 60), ...reached, ...healthy(60)],
    }),
  ];
}

const drainBlue = drainStep({
  id: "rollout.drain-blue",
  phase: "rollout",
  title: "Wait until nothing more is open on blue, or for the stated time",
  seed: "kubectl delete -k k8s/overlays/production-blue",
  what: "Blue",
});

function canary(config: StackConfig, strategy: Extract<StackConfig["strategy"], { kind: "canary" }>): Step[] {
  const pauses = strategy.steps.reduce((sum, s) => sum + s.pauseSeconds, 0);
  const { ingress, cluster } = config;
  const guards = ingress === undefined ? [] : healthy(60);
  return [
    ...(cluster.provides.includes("argo-rollouts") ? [] : [installArgo(cluster.argoRolloutsVersion)]),
    configStep({
      id: "rollout.canary-beside",
      title: "Run the same version as an Argo Rollout beside the Deployment",
      seed: "rollout.yaml",
      wayBack: earlierConfig("The Rollout is removed; the Deployment runs throughout."),
      change: (c) => ({ "strategy.workload": "both", "strategy.rolloutWeight": 0, ...pingPong(c) }),
      gates: [gate("rollout-healthy", 60), ...(ingress === undefined ? [] : [gate("targets-healthy", 60)])],
    }),
    ...(ingress === undefined ? [] : [routeToRollout, drainDeployment]),
    configStep({
      id: "rollout.canary-take-over",
      title: "Remove the Deployment: the Rollout carries the same version",
      seed: "rollout.yaml",
      wayBack: earlierConfig("The Deployment runs again beside the Rollout."),
      change: () => ({ "strategy.workload": "rollout" }),
      gates: [gate("pods-ready", 60), ...guards],
    }),
    configStep({
      id: STEP.canary,
      title: `Roll out ${strategy.image} as a canary: ${strategy.steps.map((s) => `${s.setWeight} %`).join(", ")}`,
      seed: "kubectl argo rollouts get/promote/abort/undo",
      wayBack: earlierConfig("The canary is aborted at once, the stable pods carry everything, and the earlier image is applied."),
      change: () => ({ "workload.image": strategy.image }),
      promote: ({ target, effect }) => target.cluster.rolloutPromote(effect),
      undo: ({ target, effect }) => target.cluster.rolloutAbort(effect),
      gates: [gate("rollout-healthy", 60, { timeoutSeconds: pauses + HOUR }), ...guards],
    }),
  ];
}

/** From the Rollout's first day on: one that runs already keeps the Services that it has. It needs a load balancer that weighs them. */
const pingPong = ({ strategy, ingress }: StackConfig): ConfigPatch =>
  strategy.kind === "canary" && strategy.workload === "deployment" && ingress !== undefined ? { "strategy.pingPong": true } : {};

const installArgo = (version: string): Step =>
  configStep({
    id: "rollout.argo-install",
    title: `Install Argo Rollouts ${version}`,
    seed: "kubectl create namespace argo-rollouts; kubectl apply install.yaml",
    wayBack: { summary: "Stays installed: other applications may use it, and it does nothing on its own.", loses: "nothing" },
    change: () => ({ "cluster.argoRollouts": true }),
    gates: [],
  });

const drainDeployment = drainStep({
  id: "rollout.drain-deployment",
  phase: "rollout",
  title: "Wait until nothing more is open on the Deployment, or for the stated time",
  seed: "rollout.yaml",
  what: "The Deployment",
});

/** Before the Deployment goes, the load balancer must show that nobody is sent to it any more (promise 11). */
const routeToRollout: Step = configStep({
  id: "rollout.canary-route",
  title: "Send everything to the Rollout; the Deployment still runs",
  seed: "rollout.yaml",
  wayBack: earlierConfig("The load balancer sends to the Deployment again."),
  change: () => ({ "strategy.rolloutWeight": 100 }),
  gates: [gate("rollout-share", 120, { expect: 100 }), gate("targets-healthy", 120), ...healthy(120)],
});
