/** Who stands behind a command. */
export interface Person {
  who?: string | undefined;
  /** Digests of what the identity provider knows the person by (subject, e-mail address): the same for every name that they use. */
  ids?: readonly string[] | undefined;
}

/** Whether two are one human, as far as the identity provider tells. */
export const isSamePerson = (a: Person, b: Person): boolean =>
  (a.who !== undefined && a.who === b.who) || (a.ids ?? []).some((id) => b.ids?.includes(id) === true);

/** A value that protects, as it was and as somebody wants it. */
export interface Loosened {
  path: string;
  before: unknown;
  after: unknown;
}

/** A loosening that two people wanted. */
export interface Loosening {
  changes: Loosened[];
  why: string;
  who: string;
  confirmedBy: string;
  at: number;
}
