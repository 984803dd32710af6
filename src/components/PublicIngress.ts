import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { HOST_NAME } from "../config/names.js";
import { isPlain, require, requireName, requireNumber, requireText } from "./checks.js";
import { ALB, FORCED, type HealthCheck, type IngressRoute, ingressArgs, ROUTING } from "./objects.js";
import { loadBalancerOf, type Tags, type Transform, transformed } from "./support.js";

/** A Service and the percent of requests it gets. */
export interface WeightedBackend {
  /** Name of the Service. */
  serviceName: pulumi.Input<string>;
  /** Whole percent of the requests. */
  weight: number;
}

export interface PublicIngressArgs {
  /** Namespace of the Ingress and its Services. */
  namespace: pulumi.Input<string>;
  /** Host name that clients ask for. */
  host: string;
  /** Further hosts, `*.example.com` among them, which the same backends and the same certificate serve. @default none */
  also?: { name: string; zoneId?: pulumi.Input<string> }[];
  /** `dualstack` answers over IPv6 too. @default "ipv4" */
  ipAddressType?: "ipv4" | "dualstack";
  /** Where requests go: one Service, or several with weights that sum to 100. */
  backends: WeightedBackend[];
  /**
   * An Argo Rollout owns the weights of `backends`: they are only the ones to begin with, and later changes of them
   * are the controller's. @default false
   */
  managedByRollout?: boolean;
  /** Port of the Services. @default 80 */
  servicePort?: number;
  /** Whether the load balancer has public addresses. @default "internet-facing" */
  scheme?: "internet-facing" | "internal";
  /** Existing ACM certificate. Without it one is requested and validated through DNS. */
  certificateArn?: pulumi.Input<string> | undefined;
  /** Hosted zone for the validation of a requested certificate. Needed without `certificateArn`. */
  zoneId?: pulumi.Input<string>;
  /** Path that the load balancer's health check asks for. @default "/health" */
  healthCheckPath?: string;
  /** Class of the Ingress. @default "alb" */
  className?: string;
  /** Which TLS versions and ciphers are accepted. @default "ELBSecurityPolicy-TLS13-1-2-2021-06" */
  sslPolicy?: string;
  /** How the health check is made and judged. @default every 15 s, 200, twice */
  healthCheck?: HealthCheck;
  /** Seconds for requests of a target that leaves; below the pods' `preStopSeconds`. @default 30 */
  deregistrationSeconds?: number;
  /** Paths that lead to Services of their own. @default none */
  routes?: IngressRoute[];
  /** How long a connection may be silent. @default the load balancer's own, 60 s */
  idleTimeoutSeconds?: number | undefined;
  /** How long a client stays with the pod that answered it first. @default not at all */
  stickySeconds?: number | undefined;
  /** How the load balancer speaks with the pods. @default "HTTP1" */
  protocolVersion?: "HTTP1" | "HTTP2" | "GRPC";
  /** Tags of the certificate. @default none but Name */
  tags?: Tags;
  /** Changes to the Ingress before it is registered. */
  transform?: { ingress?: Transform<k8s.networking.v1.IngressArgs> };
}

/**
 * An Application Load Balancer through the AWS Load Balancer Controller's Ingress, with HTTPS and a health check.
 * The split between backends is exact: weighted target groups of the load balancer, not numbers of pods.
 *
 * @example
 * const ingress = new PublicIngress("web-api", { namespace: "production", host: "api.example.com", backends: [{ serviceName: "web-api", weight: 100 }], certificateArn });
 *
 * @seed k8s/base/ingress.yaml
 * @cost One Application Load Balancer by the hour, and its capacity units by traffic. Certificates are free.
 */
export class PublicIngress extends pulumi.ComponentResource {
  /** The load balancer's DNS name. */
  readonly hostname: pulumi.Output<string>;
  /** The certificate that is in use. */
  readonly certificateArn: pulumi.Output<string>;
  readonly nodes: { ingress: k8s.networking.v1.Ingress; certificate?: aws.acm.Certificate };

  constructor(name: string, args: PublicIngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:PublicIngress", name, {}, opts);
    const at = `PublicIngress(${name})`;
    requireName(`${at}.namespace`, args.namespace);
    requireText(`${at}.host`, args.host, HOST_NAME, "a fully qualified lower-case host name");
    requireText(`${at}.healthCheckPath`, args.healthCheckPath, /^\//, "a path that starts with /");
    requireNumber(`${at}.servicePort`, args.servicePort, 1, 65_535);
    const weights = args.backends.map((b) => b.weight);
    require(args.backends.length > 0, `${at}.backends`, args.backends, "at least one backend");
    require(weights.every((w) => Number.isInteger(w) && w >= 0) &&
      weights.reduce((a, b) => a + b, 0) === 100, `${at}.backends`, weights, "whole weights from 0 that sum to 100");

    const { certificate, validated } = args.certificateArn === undefined ? this.certificate(name, args) : {};
    this.certificateArn = pulumi.output(args.certificateArn ?? validated ?? "");
    const ingress = this.ingress(name, args);
    this.hostname = ingress.status.apply((s) => s?.loadBalancer?.ingress?.[0]?.hostname ?? "");
    this.nodes = { ingress, ...(certificate === undefined ? {} : { certificate }) };
    this.registerOutputs({ hostname: this.hostname });
  }

  /** The load balancer itself, looked up by the name that its host name begins with: its ARN suffix names it in CloudWatch. */
  loadBalancer(): pulumi.Output<aws.lb.GetLoadBalancerResult> {
    return loadBalancerOf(this.hostname, this);
  }

  private ingress(name: string, args: PublicIngressArgs): k8s.networking.v1.Ingress {
    const single = args.backends.length === 1 ? args.backends[0] : undefined;
    const port = args.servicePort ?? 80;
    const action = `${ALB}/actions.${name}`;
    const annotations: Record<string, pulumi.Input<string>> = {
      [`${ALB}/certificate-arn`]: this.certificateArn,
      ...(single === undefined
        ? {
            [action]: forward(args.backends, port),
            [ROUTING]: args.managedByRollout === true ? "rollout" : "weights",
            // The controller owns the action while a Rollout is routed; taking it back must not end in a conflict.
            ...FORCED,
          }
        : {}),
    };
    const service =
      single === undefined ? { name, port: { name: "use-annotation" } } : { name: single.serviceName, port: { number: port } };
    const options = { parent: this, ...(args.managedByRollout === true ? { ignoreChanges: [`metadata.annotations["${action}"]`] } : {}) };
    return new k8s.networking.v1.Ingress(
      ...transformed(
        args.transform?.ingress,
        name,
        ingressArgs(name, { ...args, also: this.hosts(args).slice(1) }, service, annotations),
        options,
      ),
    );
  }

  private certificate(name: string, args: PublicIngressArgs): { certificate: aws.acm.Certificate; validated: pulumi.Output<string> } {
    require(args.zoneId !== undefined &&
      (!isPlain(args.zoneId) ||
        args.zoneId !==
          ""), `PublicIngress(${name}).zoneId`, args.zoneId, "a hosted zone id, to validate the certificate that is requested, or a certificateArn");
    const hosts = this.hosts(args);
    const others = hosts.slice(1);
    const certificate = new aws.acm.Certificate(
      name,
      {
        domainName: args.host,
        validationMethod: "DNS",
        ...(others.length === 0 ? {} : { subjectAlternativeNames: others }),
        tags: { ...args.tags, Name: args.host },
      },
      { parent: this },
    );
    // A wildcard is validated by the record of the name below it.
    const bare = (host: string) => host.replace(/^\*\./, "");
    const toValidate = hosts.filter((host, i) => hosts.findIndex((h) => bare(h) === bare(host)) === i);
    const records = toValidate.map((host) => this.validation(name, args, host, certificate));
    const validationRecordFqdns = records.map((r) => r.fqdn);
    const validation = new aws.acm.CertificateValidation(
      name,
      { certificateArn: certificate.arn, validationRecordFqdns },
      { parent: this },
    );
    // A load balancer takes only a certificate that was issued.
    return { certificate, validated: validation.certificateArn };
  }

  /** Every host once: one that is named for two zones is still one. */
  private hosts(args: PublicIngressArgs): string[] {
    return [...new Set([args.host, ...(args.also ?? []).map((a) => a.name)])];
  }

  private validation(name: string, args: PublicIngressArgs, host: string, certificate: aws.acm.Certificate): aws.route53.Record {
    const option = certificate.domainValidationOptions.apply((options) => options.find((o) => o.domainName === host) ?? options[0]);
    const zoneId = args.also?.find((a) => a.name === host)?.zoneId ?? args.zoneId ?? "";
    return new aws.route53.Record(
      host === args.host ? `${name}-validation` : `${name}-validation-${host.replace("*", "any")}`,
      {
        zoneId,
        name: option.apply((o) => o?.resourceRecordName ?? ""),
        type: option.apply((o) => o?.resourceRecordType ?? "CNAME"),
        records: [option.apply((o) => o?.resourceRecordValue ?? "")],
        ttl: 60,
        // The same for every certificate of this name in the account: another one's may stand there.
        allowOverwrite: true,
      },
      // And for the same reason it stays: the old load balancer's certificate is renewed by it.
      { parent: this, retainOnDelete: true },
    );
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
