import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

export interface VerificationJobsArgs {
  namespace: pulumi.Input<string>;
  /** Image with curl. */
  curlImage: string;
  /** Load balancer that the requests go to. */
  loadBalancerHostname: pulumi.Input<string>;
  /** Host name in the requests' Host header. */
  host: string;
  /** @default "/health" */
  path?: string;
  /** Requests a second. */
  requestsPerSecond: number;
}

/**
 * Synthetic requests to the new side before users are sent there: without requests its error rate and latency are
 * unknown, and unknown passes no gate. They go through the load balancer with the application's Host header.
 * (The seed's smoke test and integration tests are one-off pods: cutover runs them as actions and keeps their logs.)
 */
export class VerificationJobs extends pulumi.ComponentResource {
  readonly nodes: { synthetic: k8s.apps.v1.Deployment };

  constructor(name: string, args: VerificationJobsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:VerificationJobs", name, {}, opts);
    const full = `${name}-synthetic`;
    const labels = { app: full };
    const pause = (1 / args.requestsPerSecond).toFixed(3);
    const script = `while :; do curl -sS -o /dev/null -m 5 -H "Host: ${args.host}" "http://$TARGET${args.path ?? "/health"}" || true; sleep ${pause}; done`;
    const synthetic = new k8s.apps.v1.Deployment(
      full,
      {
        metadata: { name: full, namespace: args.namespace, labels },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              automountServiceAccountToken: false,
              securityContext: { runAsNonRoot: true, runAsUser: 1001, seccompProfile: { type: "RuntimeDefault" } },
              containers: [
                {
                  name: "synthetic",
                  image: args.curlImage,
                  command: ["sh", "-c", script],
                  env: [{ name: "TARGET", value: args.loadBalancerHostname }],
                  resources: { requests: { memory: "32Mi", cpu: "50m" }, limits: { memory: "64Mi", cpu: "200m" } },
                  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
                },
              ],
            },
          },
        },
      },
      { parent: this },
    );
    this.nodes = { synthetic };
    this.registerOutputs({});
  }
}
