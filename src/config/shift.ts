import type { z } from "zod";
import type * as s from "./sections.js";

/**
 * What moves users from the old side to the new one, whichever it is: the weighted records of their names, or the weighted target
 * groups of a rule of the load balancer that they go on using. Both have sides that stand and weights; what decides about users
 * speaks of this and of neither.
 */
export interface Shift {
  /** The section that holds it, which steps change. */
  section: ShiftSection;
  /** Which sides stand at the far side. */
  records: "none" | "old" | "both" | "new";
  weights: { old: number; new: number };
  /** Percent to the new side, step by step. */
  steps: number[];
  holdSeconds: number;
}

export type ShiftSection = "dns" | "traffic";

/** How each is called, measured and waited for: the one place for words that differ. */
export const SHIFTS = {
  dns: {
    observation: "dns-weight-new",
    gate: "dns-weight",
    far: "the name servers",
    shows: "the name servers show",
    /** What the far side still does while it does not show a weight yet. */
    still: "which still answer with the new side in",
    label: "DNS",
    short: "dns",
    share: "DNS answers for the new side",
    moved: "the weighted records",
    byHand: "Set the weights in Route 53 yourself, both in one change batch: the old record's to 100, the new record's to 0.",
  },
  traffic: {
    observation: "group-weight-new",
    gate: "group-weight",
    far: "the load balancer's rule",
    shows: "the load balancer's rule shows",
    still: "which still sends to the new side",
    label: "target groups'",
    short: "groups",
    share: "Requests that the rule sends to the new side",
    moved: "the load balancer's rule",
    byHand: "Change cutover's rule of the load balancer's listener yourself: to the old target group alone.",
  },
} as const;

/** What a stack config says of it. */
interface Moving {
  dns?: z.output<typeof s.dns> | undefined;
  traffic?: z.output<typeof s.traffic> | undefined;
}

/** Undefined where no step moves users. */
export function shiftOf({ dns, traffic }: Moving): Shift | undefined {
  if (traffic?.kind === "target-groups") {
    const { records, weights, steps, holdSeconds } = traffic;
    return { section: "traffic", records, weights, steps, holdSeconds };
  }
  if (dns === undefined) return undefined;
  const { records, weights, steps, holdSeconds } = dns;
  return { section: "dns", records, weights, steps, holdSeconds };
}

/** The target groups' section, where they move the users. */
export const groupsOf = ({ traffic }: Pick<Moving, "traffic">) => (traffic?.kind === "target-groups" ? traffic : undefined);
export type TargetGroups = NonNullable<ReturnType<typeof groupsOf>>;

interface RawShift {
  key: `cutover:${ShiftSection}`;
  section: Record<string, unknown> & { records?: string; weights?: { old: number; new: number } };
}

/** The same of a config as it stands in its file, where defaults may be missing. */
export function rawShift(raw: Readonly<Record<string, unknown>>): RawShift | undefined {
  const traffic = raw["cutover:traffic"] as ({ kind?: string } & RawShift["section"]) | undefined;
  if (traffic?.kind === "target-groups") return { key: "cutover:traffic", section: traffic };
  const dns = raw["cutover:dns"] as RawShift["section"] | undefined;
  return dns === undefined ? undefined : { key: "cutover:dns", section: dns };
}
