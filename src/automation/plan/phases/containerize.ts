import { webMovesOnce } from "../../../config/processes.js";
import type { StackConfig } from "../../../config/schema.js";
import { containerizeApplication, verifyContainer } from "../documents.js";
import type { Step } from "../step.js";
import { earlierConfig, gate, NOTHING_TO_UNDO } from "./build.js";

/** Phase 2: application containerization. */
export function containerize(config: StackConfig): Step[] {
  const { ingress } = config;
  // What may run only once has no pod here before it has moved.
  const targets = webMovesOnce(config) ? [] : [gate("targets-healthy", 60)];
  return [
    {
      id: "containerize.dockerfile",
      phase: "containerize",
      kind: "action",
      title: "Write the Dockerfile and check it",
      seed: "Create Dockerfile for Each Application",
      wayBack: NOTHING_TO_UNDO,
      run: containerizeApplication,
    },
    {
      id: "containerize.build",
      phase: "containerize",
      kind: "action",
      title: "Build the image, run it, ask /health and run its tests",
      seed: "docker build, docker run, curl /health, docker run npm test",
      wayBack: NOTHING_TO_UNDO,
      run: verifyContainer,
    },
    {
      id: "containerize.deploy",
      phase: "containerize",
      kind: "config",
      title: "Create the Kubernetes workload beside the old infrastructure; no user reaches it yet",
      seed: "k8s/base/deployment.yaml, service.yaml, ingress.yaml",
      wayBack: earlierConfig("The workload is removed again; users are on the old infrastructure throughout."),
      change: () => ({ "workload.deployed": true }),
      gates: [gate("pods-ready", 60), ...(ingress === undefined ? [] : [gate("load-balancer-ready"), ...targets])],
    },
  ];
}
