import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { requireName, requireNumber, requireText } from "./checks.js";

export interface VerificationJobsArgs {
  /** Namespace that the requests are sent from. */
  namespace: pulumi.Input<string>;
  /** Image with curl and a shell, with a fixed tag. */
  curlImage: string;
  /** Load balancer that the requests go to. */
  loadBalancerHostname: pulumi.Input<string>;
  /** Host name that is asked for, and that the load balancer's certificate is for. */
  host: string;
  /** Path that is asked for. @default "/health" */
  path?: string;
  /** Requests a second. */
  requestsPerSecond: number;
}

/**
 * Synthetic requests to the new side before users are sent there: without requests its error rate and latency are
 * unknown, and unknown passes no gate. They go through the load balancer, over HTTPS with the application's host name.
 * (The smoke test and the integration tests are one-off pods: cutover runs them as actions and keeps their logs.)
 *
 * @example
 * new VerificationJobs("web-api", { namespace: "production", curlImage: "curlimages/curl:8.11.1", loadBalancerHostname: ingress.hostname, host: "api.example.com", requestsPerSecond: 5 });
 *
 * @seed Monitor metrics for green deployment
 * @cost One small pod while it runs.
 */
export class VerificationJobs extends pulumi.ComponentResource {
  readonly nodes: { synthetic: k8s.apps.v1.Deployment };

  constructor(name: string, args: VerificationJobsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:VerificationJobs", name, {}, opts);
    const at = `VerificationJobs(${name})`;
    requireName(`${at}.namespace`, args.namespace);
    requireNumber(`${at}.requestsPerSecond`, args.requestsPerSecond, 1, 1_000);
    // Both stand in a shell command.
    requireText(`${at}.host`, args.host, /^[a-z0-9.-]+$/, "a lower-case host name");
    requireText(`${at}.path`, args.path, /^\/[\w./-]*$/, "a path that starts with /, of letters, digits and ./-_");
    const full = `${name}-synthetic`;
    const labels = { app: full };
    const pause = (1 / args.requestsPerSecond).toFixed(3);
    // Over HTTP the load balancer only redirects, and no pod is asked. An empty target would mean the host itself: the users' side.
    const curl = `curl -sS -o /dev/null -m 5 --connect-to "${args.host}:443:\${TARGET:?}:443" "https://${args.host}${args.path ?? "/health"}"`;
    const script = `while :; do ${curl} || true; sleep ${pause}; done`;
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
