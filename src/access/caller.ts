/** From least to most: each may do what the ones before it may. */
export const ROLES = ["viewer", "operator", "approver", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** A role, and where it holds. */
export interface Grant {
  role: Role;
  /** Names of applications. @default every application */
  applications?: readonly string[];
  /** Names of environments. @default every environment */
  environments?: readonly string[];
}

/** One application in one environment: what a stack belongs to. */
export interface Scope {
  application: string;
  environment: string;
}

/** Who asks: a name that nobody else can take, and what this person or system may do. */
export interface Caller {
  /** Stands in the journal beside every command. */
  name: string;
  grants: readonly Grant[];
  /** The credential lets its holder say who is asking: a rehearsal's local token. */
  mayBeNamed?: boolean;
}

const covers = ({ applications, environments }: Grant, scope: Scope): boolean =>
  (applications?.includes(scope.application) ?? true) && (environments?.includes(scope.environment) ?? true);

/** Whether a caller has at least this role there; without a scope, anywhere. Pure. */
export function may(caller: Caller, role: Role, scope?: Scope): boolean {
  return caller.grants.some((g) => ROLES.indexOf(g.role) >= ROLES.indexOf(role) && (scope === undefined || covers(g, scope)));
}
