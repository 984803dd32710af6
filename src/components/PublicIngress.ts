import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { isPlain, require, type Transform, transformed } from "./support.js";

/** A Service and the percent of requests it gets. */
export interface WeightedBackend {
  serviceName: pulumi.Input<string>;
  weight: number;
}

export interface PublicIngressArgs {
  namespace: pulumi.Input<string>;
  /** Host name that clients ask for. */
  host: string;
  /** Where requests go: one Service, or several with weights that sum to 100. */
  backends: WeightedBackend[];
  /** @default 80 */
  servicePort?: number;
  /** @default "internet-facing" */
  scheme?: "internet-facing" | "internal";
  /** Existing ACM certificate. Without it one is requested and validated through DNS. */
  certificateArn?: pulumi.Input<string>;
  /** Hosted zone for the validation of a requested certificate. */
  zoneId?: pulumi.Input<string>;
  /** @default "/health" */
  healthCheckPath?: string;
  transform?: { ingress?: Transform<k8s.networking.v1.IngressArgs> };
}

/**
 * An Application Load Balancer through the AWS Load Balancer Controller's Ingress, with HTTPS and a health check.
 * The split between backends is exact: weighted target groups of the load balancer, not numbers of pods.
 *
 * @example
 * new PublicIngress("web-api", { namespace: "production", host: "api.example.com", backends: [{ serviceName: "web-api", weight: 100 }], certificateArn });
 */
export class PublicIngress extends pulumi.ComponentResource {
  /** The load balancer's DNS name. */
  readonly hostname: pulumi.Output<string>;
  readonly certificateArn: pulumi.Output<string>;
  readonly nodes: { ingress: k8s.networking.v1.Ingress; certificate?: aws.acm.Certificate };

  constructor(name: string, args: PublicIngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:PublicIngress", name, {}, opts);
    const weights = args.backends.map((b) => b.weight);
    require(args.backends.length > 0, `PublicIngress(${name}).backends`, args.backends, "at least one backend");
    require(weights.every((w) => Number.isInteger(w) && w >= 0) &&
      weights.reduce((a, b) => a + b, 0) === 100, `PublicIngress(${name}).backends`, weights, "whole weights from 0 that sum to 100");

    const certificate = args.certificateArn === undefined ? this.certificate(name, args) : undefined;
    this.certificateArn = pulumi.output(args.certificateArn ?? certificate?.arn ?? "");
    const ingress = this.ingress(name, args);
    this.hostname = ingress.status.apply((s) => s?.loadBalancer?.ingress?.[0]?.hostname ?? "");
    this.nodes = { ingress, ...(certificate === undefined ? {} : { certificate }) };
    this.registerOutputs({ hostname: this.hostname });
  }

  private ingress(name: string, args: PublicIngressArgs): k8s.networking.v1.Ingress {
    const single = args.backends.length === 1 ? args.backends[0] : undefined;
    const port = args.servicePort ?? 80;
    const annotations: Record<string, pulumi.Input<string>> = {
      "alb.ingress.kubernetes.io/scheme": args.scheme ?? "internet-facing",
      "alb.ingress.kubernetes.io/target-type": "ip",
      "alb.ingress.kubernetes.io/certificate-arn": this.certificateArn,
      // The redirect needs a listener to redirect to.
      "alb.ingress.kubernetes.io/listen-ports": '[{"HTTP":80},{"HTTPS":443}]',
      "alb.ingress.kubernetes.io/ssl-redirect": "443",
      "alb.ingress.kubernetes.io/healthcheck-path": args.healthCheckPath ?? "/health",
      ...(single === undefined ? { [`alb.ingress.kubernetes.io/actions.${name}`]: forward(args.backends, port) } : {}),
    };
    const service =
      single === undefined ? { name, port: { name: "use-annotation" } } : { name: single.serviceName, port: { number: port } };
    return new k8s.networking.v1.Ingress(
      ...transformed(
        args.transform?.ingress,
        name,
        {
          metadata: { name, namespace: args.namespace, labels: { app: name }, annotations },
          spec: {
            ingressClassName: "alb",
            rules: [{ host: args.host, http: { paths: [{ path: "/", pathType: "Prefix", backend: { service } }] } }],
          },
        },
        { parent: this },
      ),
    );
  }

  private certificate(name: string, args: PublicIngressArgs): aws.acm.Certificate {
    require(args.zoneId !== undefined &&
      (!isPlain(args.zoneId) ||
        args.zoneId !==
          ""), `PublicIngress(${name}).zoneId`, args.zoneId, "a hosted zone id, to validate the certificate that is requested, or a certificateArn");
    const certificate = new aws.acm.Certificate(
      name,
      { domainName: args.host, validationMethod: "DNS", tags: { Name: args.host } },
      { parent: this },
    );
    const option = certificate.domainValidationOptions.apply((options) => options[0]);
    const record = new aws.route53.Record(
      `${name}-validation`,
      {
        zoneId: args.zoneId ?? "",
        name: option.apply((o) => o?.resourceRecordName ?? ""),
        type: option.apply((o) => o?.resourceRecordType ?? "CNAME"),
        records: [option.apply((o) => o?.resourceRecordValue ?? "")],
        ttl: 60,
      },
      { parent: this },
    );
    new aws.acm.CertificateValidation(name, { certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] }, { parent: this });
    return certificate;
  }
}

/** The controller's forward action: weighted target groups, one a Service. */
function forward(backends: WeightedBackend[], port: number): pulumi.Output<string> {
  return pulumi.all(backends.map((b) => b.serviceName)).apply((names) =>
    JSON.stringify({
      type: "forward",
      forwardConfig: {
        targetGroups: names.map((serviceName, i) => ({ serviceName, servicePort: String(port), weight: backends[i]?.weight ?? 0 })),
      },
    }),
  );
}
