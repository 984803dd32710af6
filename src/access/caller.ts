/** From least to most: each may do what the ones before it may. */
export const ROLES = ["viewer", "operator", "approver", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** A role, and where it holds. */
export interface Grant {
  role: Role;
  /** Names of applications. @default every application */
  applications?: readonly string[] | undefined;
  /** Names of environments. @default every environment */
  environments?: readonly string[] | undefined;
}

/** One application in one environment: what a stack belongs to. */
export interface Scope {
  application: string;
  environment: string;
}

/** As far as it is known or limited: what is not named may be any. */
export type PartOfScope = { [K in keyof Scope]?: Scope[K] | undefined };

/** Who asks: a name that nobody else can take, and what this person or system may do. */
export interface Caller {
  /** Stands in the journal beside every command. */
  name: string;
  grants: readonly Grant[];
  /** Digests of what the identity provider knows the person by: one human has them in common behind each name. */
  ids?: readonly string[];
  /** The credential lets its holder say who is asking: a rehearsal's local token. */
  mayBeNamed?: boolean;
}

const covers = ({ applications, environments }: Grant, { application, environment }: PartOfScope): boolean =>
  (application === undefined || (applications?.includes(application) ?? true)) &&
  (environment === undefined || (environments?.includes(environment) ?? true));

const atLeast = (held: Role, needed: Role): boolean => ROLES.indexOf(held) >= ROLES.indexOf(needed);

/** Whether a caller has at least this role there; without an application or environment, in any. Pure. */
export const may = (caller: Caller, role: Role, scope: PartOfScope = {}): boolean =>
  caller.grants.some((g) => atLeast(g.role, role) && covers(g, scope));

/** Whether a caller has at least this role for every application in every environment. Pure. */
export const mayEverywhere = (caller: Caller, role: Role): boolean =>
  caller.grants.some((g) => atLeast(g.role, role) && g.applications === undefined && g.environments === undefined);
