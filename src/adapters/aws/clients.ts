import { ACMClient } from "@aws-sdk/client-acm";
import { AutoScalingClient } from "@aws-sdk/client-auto-scaling";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CostExplorerClient } from "@aws-sdk/client-cost-explorer";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EKSClient } from "@aws-sdk/client-eks";
import { ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ElastiCacheClient } from "@aws-sdk/client-elasticache";
import { IAMClient } from "@aws-sdk/client-iam";
import { RDSClient } from "@aws-sdk/client-rds";
import { Route53Client } from "@aws-sdk/client-route-53";
import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import { fromNodeProviderChain, fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { CutoverError, Terminal, Transient } from "../../errors.js";
import { isOfNetwork } from "../../lib/network.js";
import { whileOrdered } from "../order.js";

/** One account in one region, and how to get in. */
export interface AwsAccount {
  region: string;
  /** Profile of the shared configuration. @default the ordinary chain: environment, profile, container, instance */
  profile?: string;
  /** Role that is assumed, for another account. */
  roleArn?: string;
  /** Another endpoint for every service, for example of a test server. */
  endpoint?: string;
}

/** Prefix of a service's IAM actions by its client. */
const SERVICES = {
  EC2Client: "ec2",
  AutoScalingClient: "autoscaling",
  RDSClient: "rds",
  ElasticLoadBalancingV2Client: "elasticloadbalancing",
  Route53Client: "route53",
  CloudWatchClient: "cloudwatch",
  CostExplorerClient: "ce",
  ACMClient: "acm",
  EKSClient: "eks",
  ElastiCacheClient: "elasticache",
  IAMClient: "iam",
  SQSClient: "sqs",
  S3Client: "s3",
  STSClient: "sts",
} as const;

/** Actions that are not named like their calls. */
const NAMED_OTHERWISE: Record<string, string> = { "s3:ListBuckets": "s3:ListAllMyBuckets" };

/** Deadlines of one attempt, in milliseconds, and how often a passing failure is tried. */
export interface Persistence {
  /** @default 5 000 */
  connectMs?: number;
  /** @default 30 000 */
  requestMs?: number;
  /** @default 8 */
  attempts?: number;
}

/** The services' clients for one account, and the IAM actions that were asked of them. */
export interface AwsClients {
  account: AwsAccount;
  ec2: EC2Client;
  autoscaling: AutoScalingClient;
  rds: RDSClient;
  elb: ElasticLoadBalancingV2Client;
  route53: Route53Client;
  cloudwatch: CloudWatchClient;
  costs: CostExplorerClient;
  acm: ACMClient;
  eks: EKSClient;
  iam: IAMClient;
  elasticache: ElastiCacheClient;
  sqs: SQSClient;
  s3: S3Client;
  sts: STSClient;
  /** For example `ec2:DescribeInstances`. */
  actions: ReadonlySet<string>;
  close(): void;
}

/**
 * Clients with deadlines, and with retries that back off with jitter and slow down when a service throttles. Errors are
 * ours: Transient for what passes, Terminal otherwise, naming the IAM action where permission is missing.
 */
export function awsClients(account: AwsAccount, { connectMs = 5_000, requestMs = 30_000, attempts = 8 }: Persistence = {}): AwsClients {
  const { region, endpoint, profile, roleArn } = account;
  // The calls that get credentials go to the same endpoint, with the same deadlines.
  const common = {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: attempts,
    // Without the last of these, the SDK would only warn of a request that takes too long.
    requestHandler: { connectionTimeout: connectMs, requestTimeout: requestMs, throwOnRequestTimeout: true },
  };
  const ordinary = fromNodeProviderChain({ clientConfig: common, ...(profile === undefined ? {} : { profile }) });
  const settings = {
    ...common,
    credentials:
      roleArn === undefined
        ? ordinary
        : fromTemporaryCredentials({
            masterCredentials: ordinary,
            params: { RoleArn: roleArn, RoleSessionName: "cutover" },
            clientConfig: common,
          }),
    retryMode: "adaptive",
  };
  const actions = new Set<string>();
  const clients = {
    ec2: new EC2Client(settings),
    autoscaling: new AutoScalingClient(settings),
    rds: new RDSClient(settings),
    elb: new ElasticLoadBalancingV2Client(settings),
    route53: new Route53Client(settings),
    cloudwatch: new CloudWatchClient(settings),
    costs: new CostExplorerClient(settings),
    acm: new ACMClient(settings),
    eks: new EKSClient(settings),
    iam: new IAMClient(settings),
    elasticache: new ElastiCacheClient(settings),
    sqs: new SQSClient(settings),
    sts: new STSClient(settings),
    // Another endpoint has no host name a bucket.
    s3: new S3Client({ ...settings, forcePathStyle: endpoint !== undefined }),
  };
  for (const client of Object.values(clients)) {
    watch(client, actions);
    guard(client);
  }
  const close = (): void => {
    for (const client of Object.values(clients)) client.destroy();
  };
  return { account, ...clients, actions, close };
}

interface Watched {
  middlewareStack: {
    add(
      middleware: (
        next: (args: unknown) => Promise<unknown>,
        context: { commandName?: string; clientName?: string },
      ) => (args: unknown) => Promise<unknown>,
      options: { step: "initialize"; name: string; priority: "high" },
    ): void;
  };
}

/** Collects each call's IAM action, and turns the service's errors into ours. */
function watch(client: unknown, actions: Set<string>): void {
  (client as Watched).middlewareStack.add(
    (next, { commandName = "", clientName = "" }) =>
      async (args) => {
        const call = `${SERVICES[clientName as keyof typeof SERVICES] ?? clientName}:${commandName.replace(/Command$/, "")}`;
        const action = NAMED_OTHERWISE[call] ?? call;
        actions.add(action);
        try {
          return await next(args);
        } catch (error) {
          throw described(error, action);
        }
      },
    { step: "initialize", name: "cutover", priority: "high" },
  );
}

interface Guarded {
  config: { requestHandler: { handle(request: unknown, options?: { abortSignal?: AbortSignal }): Promise<unknown> } };
}

/** Each attempt of a call is made only while whoever ordered it may, and ends with that. */
function guard(client: unknown): void {
  const { requestHandler } = (client as Guarded).config;
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = (request, options) =>
    whileOrdered(
      (abortSignal) => handle(request, { ...options, ...(abortSignal === undefined ? {} : { abortSignal }) }),
      options?.abortSignal,
    );
}

const DENIED = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|AuthFailure|NotAuthorized)/;
const PASSING =
  /^(Throttl|RequestLimitExceeded|TooManyRequests|PriorRequestNotComplete|ServiceUnavailable|InternalFailure|InternalError|RequestTimeout|TimeoutError|SlowDown|DependencyViolation)/;

interface ServiceError {
  name: string;
  message: string;
  $metadata?: { httpStatusCode?: number };
}

function described(error: unknown, action: string): Error {
  // It was not made, or ended with what ordered it.
  if (error instanceof CutoverError) return error;
  const { name, message, $metadata } = error as ServiceError;
  if (DENIED.test(name)) {
    return new Terminal(`The permission ${action} is missing: ${message}`, {
      cause: error,
      next: `Allow ${action} in the policy of the identity that cutover runs with.`,
    });
  }
  const text = `${action}: ${name}: ${message}`;
  const passing = PASSING.test(name) || ($metadata?.httpStatusCode ?? 0) >= 500 || isOfNetwork(error);
  return passing ? new Transient(text, { cause: error }) : new Terminal(text, { cause: error });
}

/** The service's own name of an error that `described` made. */
export function serviceErrorOf(error: unknown): string | undefined {
  return ((error as Error | undefined)?.cause as ServiceError | undefined)?.name;
}

/** Runs a call whose "it is not there" is an answer. */
export async function unlessMissing<T>(call: Promise<T>, ...names: string[]): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (names.includes(serviceErrorOf(error) ?? "")) return undefined;
    throw error;
  }
}
