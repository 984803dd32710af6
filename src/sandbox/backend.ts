/** Plain JSON; secrets are unwrapped already. */
export type Properties = Record<string, unknown>;

/** `type` is the Pulumi token, for example `aws:rds/instance:Instance` or `kubernetes:apps/v1:Deployment`. */
export interface ResourceRef {
  type: string;
  urn: string;
  /** Paths that the program leaves to others; only with an update. */
  ignoreChanges?: readonly string[];
}

/** One stack's simulated far side. Rejections are errors with a message like the real service's. */
export interface SandboxBackend {
  /** Virtual time advances by the operation's duration. Also makes the checks that need the world (a name that is taken, …). */
  create(ref: ResourceRef, inputs: Properties): Promise<{ id: string; outputs: Properties }>;
  read(ref: ResourceRef, id: string): Promise<{ inputs: Properties; outputs: Properties } | undefined>;
  update(ref: ResourceRef, id: string, olds: Properties, news: Properties): Promise<{ outputs: Properties }>;
  delete(ref: ResourceRef, id: string, olds: Properties): Promise<void>;
}

export type OpenBackend = (stack: string) => Promise<SandboxBackend>;
