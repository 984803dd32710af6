/** Who stands behind a command. */
export interface Person {
  who?: string | undefined;
  /** Digests of what the identity provider knows the person by (subject, e-mail address): the same for every name that they use. */
  ids?: readonly string[] | undefined;
}

/** Whether two are one human, as far as their names and the identity provider tell: as journals of every version were read. */
export const isSamePerson = (a: Person, b: Person): boolean =>
  (a.who !== undefined && a.who === b.who) || (a.ids ?? []).some((id) => b.ids?.includes(id) === true);

/** One human's name, however it is written: capital letters, and what stands after a + in an e-mail address, name nobody else. */
export function plainName(name: string): string {
  const plain = name.trim().toLowerCase();
  return plain.includes("@") ? plain.replace(/\+[^@]*(?=@)/, "") : plain;
}

/** Whether a second person may be the first one under a name that is written otherwise: asked before a command is taken. */
export const maybeSamePerson = (a: Person, b: Person): boolean =>
  isSamePerson(a, b) || (a.who !== undefined && b.who !== undefined && plainName(a.who) === plainName(b.who));

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
