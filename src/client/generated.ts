// Made by npm run docs from docs/openapi.json.
import type { Call, CallOptions } from "./connection.js";

/** A problem document of RFC 9457 */
export interface Problem {
  /** Which kind of problem: a path below /problems */
  type: string;
  title: string;
  status: number;
  /** What happened, for people */
  detail: string;
  /** What to do next */
  next?: string;
  /** Each thing wrong in the request */
  issues?: {
    path: string;
    got?: string;
    accepted: string;
  }[];
  /** Who or what holds the stack */
  holder?: string;
  /** Number of the promise that speaks against it */
  promise?: number;
  requestId: string;
}

/** What is really there and differs from the applied revision */
export interface Drift {
  /** The same for the same differences */
  digest: string;
  changes: {
    name: string;
    type: string;
    /** What an update would do to bring it back */
    op: "create" | "update" | "replace" | "delete";
    /** Properties that differ; their values are not shown */
    paths: string[];
    /** Who wrote them, where the cluster knows: kubectl-set, or a controller's name */
    by?: string[];
  }[];
  /** Milliseconds since the epoch, on the target's clock */
  at?: number;
}

/** Who the credential stands for */
export interface Me {
  /** Stands in the journal beside every command */
  name: string;
  /** Whether the header x-cutover-user says who is asking */
  mayBeNamed: boolean;
  roles: ("viewer" | "operator" | "approver" | "admin")[];
}

/** Where a migration is, what comes next, where its users are */
export interface Migration {
  stack: string;
  application: string;
  environment: string;
  criticality: string;
  owner?: string;
  status: "ready" | "running" | "approval" | "paused" | "held" | "returning" | "completed" | "aborted";
  /** Whether a process is at work on it, whichever that is; one that only watches gates while it waits for a person is not */
  running: boolean;
  phase: Phase;
  /** What comes next or is under way; absent when all is done */
  step?: {
    id: string;
    title: string;
    kind: "config" | "action" | "gate" | "approval";
    asks?: string;
    /** The answer that lets it go on, where that is not an approval by name */
    answer?: string;
    secondPerson?: boolean;
  };
  done: number;
  /** Index of the first step that does not run without being asked again */
  goal: number;
  steps: number;
  /** How far each phase of the plan is, in order */
  phases: {
    phase: Phase;
    done: number;
    steps: number;
  }[];
  revision: number;
  /** The version that users get */
  image: string;
  dns?: {
    records: "none" | "old" | "both" | "new";
    old: number;
    new: number;
  };
  /** Percent of the green colour */
  green?: number;
  heldReason?: string;
  proposal?: Proposal;
  loosened?: Loosened;
  /** A person's edit of the stack's config, until its gates have held */
  edit?: {
    paths: string[];
    why: string;
    who: string;
    applied: boolean;
  };
  /** The watch over users on the new side sees nothing of them, for longer than two intervals */
  blind?: {
    /** Milliseconds since the epoch, on the target's clock */
    since: number;
    gates: string[];
    why: string;
  };
  /** Why the engine cannot be used now: it is tried again, and no try is spent */
  blocked?: string;
  /** What only another version of cutover goes forward with; ways back are possible */
  beyond?: string;
  /** What the calendar makes it wait for */
  waits?: {
    /** Milliseconds since the epoch, on the target's clock */
    until: number;
    why: string;
  };
  /** Since when the step's gates are watched, and pass without a break */
  watch?: {
    /** Milliseconds since the epoch, on the target's clock */
    since: number;
    /** Milliseconds since the epoch, on the target's clock */
    passingSince?: number;
    /** How long the gates must hold */
    holdMs: number;
  };
  /** The way back that is under way */
  returning?: {
    revision: number;
    /** What runs, in order */
    items: string[];
    done: number;
    why: string;
    automatic: boolean;
    abort: boolean;
  };
  /** An emergency, until somebody goes on */
  sentBack?: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    old: number;
    new: number;
    /** Whether the far side shows these weights; until then they are only wanted */
    shown: boolean;
    /** What is being waited for until then */
    waitsFor?: string;
    /** Zones, records and commands with which a person sets the weights */
    byHand?: string[];
  };
  /** What went back last, by whom and why; gone once somebody goes on */
  wentBack?: {
    kind: "emergency" | "rollback" | "abort";
    /** When it was ordered */
    at: number;
    /** When the way back had run to its end; absent until then */
    doneAt?: number;
    /** Absent when it went back automatically */
    who?: string;
    why: string;
    /** Where it leads */
    revision?: number;
    underWay: boolean;
  };
  /** What holds data and would be replaced or deleted; there while the step is held for it: an approval names each */
  losses?: {
    op: "replace" | "delete";
    name: string;
    type: string;
    urn: string;
  }[];
  /** Readings of the attempt that is under way or ended here; none of what was undone */
  gates: Gate[];
  /** What a person may do now, and why not: by the rules that accept the commands */
  allowed: {
    approve: Offer;
    refuse: Offer;
    confirm: Offer;
    advance: Offer;
    resume: Offer;
    promote: Offer;
    pause: Offer;
    tune: Offer;
    rollback: Offer;
    abort: Offer;
    emergency: Offer;
  };
  ahead: Ahead;
  updatedAt: string;
  /** Number of the newest journal entry */
  lastSeq: number;
}

export type Phase = "assess" | "containerize" | "database" | "rollout" | "traffic" | "optimize" | "cleanup";

/** A tuning that loosens protections and waits for a second person */
export interface Proposal {
  /** Number of its entry, for `confirm` */
  tuning: number;
  loosens: {
    path: string;
    before?: unknown;
    after?: unknown;
  }[];
  why: string;
  who: string;
}

/** What two people loosened since it began: whoever approves should know */
export type Loosened = {
  changes: {
    path: string;
    before?: unknown;
    after?: unknown;
  }[];
  why: string;
  who: string;
  confirmedBy: string;
  /** Milliseconds since the epoch, on the target's clock */
  at: number;
}[];

/** A gate as it was last judged */
export interface Gate {
  gate: string;
  /** What passes, for people */
  accepts: string;
  verdict: "pass" | "pending" | "fail" | "unknown";
  last?: number;
  min?: number;
  max?: number;
  /** The last value with its unit, or why it is unknown */
  shown: string;
  samples: number;
  source: string;
  /** When the last value was true */
  at?: number;
  /** The value is from before what is judged: unknown, though the source sees */
  early?: true;
}

/** Whether the service would take a command now */
export interface Offer {
  offered: boolean;
  /** Why it is not */
  why?: string;
  /** What to do instead */
  next?: string;
  /** Whom it is not offered to: it needs a second person */
  notBy?: string;
}

/** What runs next, up to the next decision of a person or the end */
export interface Ahead {
  run: {
    id: string;
    title: string;
    pointOfNoReturn?: true;
    wayBack?: {
      summary: string;
      loses: string;
      /** It cannot be undone */
      none?: true;
    };
  }[];
  /** Where it stops for a person; absent at the end */
  stopsAt?: {
    id: string;
    asks: string;
  };
  /** How many steps each extent has from here; beyond `run` it stops for the person. `goal`: as far as it was advanced */
  reach: {
    step: number;
    phase: number;
    end: number;
    goal: number;
  };
}

/** A stack that has a config file */
export interface StackInFile {
  stack: string;
  /** Whether there is a migration of it */
  begun: boolean;
  application?: string;
  environment?: string;
  criticality?: string;
  owner?: string;
  /** What is wrong in its file; the rest is absent then */
  problem?: string;
  /** Whether the caller may begin its migration now */
  mayBegin: boolean;
}

/** What beginning a stack's migration would do */
export interface Beginning {
  stack: string;
  /** Whether there is a migration of it already: beginning it changes nothing */
  begun: boolean;
  /** Why it cannot be begun; the rest is absent then */
  problem?: string;
  /** What to do about that */
  next?: string;
  application?: string;
  environment?: string;
  criticality?: string;
  owner?: string;
  /** Of the config that becomes revision 0, for `seen` */
  digest?: string;
  /** Its plan, in order */
  phases?: {
    phase: Phase;
    steps: number;
  }[];
  /** The step that its first advance runs */
  first?: {
    id: string;
    title: string;
  };
  /** How often a person is asked before it goes on */
  asks?: number;
  /** Titles of the steps after which the way back is another one, or none */
  pointsOfNoReturn?: string[];
}

/** One step of a plan, and what became of it */
export interface Step {
  id: string;
  phase: Phase;
  kind: "config" | "action" | "gate" | "approval";
  title: string;
  /** What of the guide it carries out */
  seed: string;
  wayBack: {
    summary: string;
    loses: string;
    /** It cannot be undone */
    none?: true;
  };
  pointOfNoReturn: boolean;
  gates: {
    gate: string;
    accepts: string;
    expect?: number;
    holdSeconds: number;
    timeoutSeconds?: number;
    /** Who answers it on real targets */
    source?: string;
    /** Why nothing ever can, and what to do about it: the step does not begin */
    noSource?: string;
  }[];
  status: "waiting" | "running" | "done" | "undone" | "failed";
  attempt: number;
  /** What the person is asked, of an approval */
  asks?: string;
  answer?: string;
  secondPerson?: boolean;
  /** Milliseconds since the epoch, on the target's clock */
  startedAt?: number;
  /** Milliseconds since the epoch, on the target's clock */
  completedAt?: number;
  evidence?: string;
  files?: string[];
  observed?: Gate[];
  preview?: Preview;
  error?: string;
  approvedBy?: string;
  revision?: number;
}

/** What an update would change */
export interface Preview {
  changes: {
    urn: string;
    type: string;
    name: string;
    op: "create" | "update" | "replace" | "delete";
    diff: {
      path: string;
      before?: unknown;
      after?: unknown;
      replaces?: boolean;
    }[];
    /** Who else wrote what it changes, where the cluster knows */
    by?: string[];
  }[];
  unchanged: number;
  /** SHA-256 over the changes: an approval is bound to it */
  digest: string;
}

/** A way back, before it is gone */
export interface Way {
  revision: number;
  /** Index of the first step that is undone */
  undoTo: number;
  /** What runs, in order */
  path: ({
    kind: "config";
    kept: {
      path: string;
      why: string;
    }[];
    dnsOnly: boolean;
    summary: string;
    afterSeconds?: number;
  } | {
    kind: "undo";
    step: string;
    summary: string;
  })[];
  crossesPointOfNoReturn: boolean;
  loses: string[];
  /** Of an emergency: zones, records and commands with which a person sets the weights */
  byHand?: string[];
}

/** What comes next, and how one would come back */
export interface NextStep {
  step?: Step;
  preview?: Preview;
  wayBack?: Way;
}

/** The 30/60/90-day goals */
export interface Scorecard {
  /** When all users had moved */
  since?: number;
  days?: number;
  goals: {
    id: string;
    days: 30 | 60 | 90;
    title: string;
    standing: "met" | "missed" | "open" | "unknown";
    evidence: string;
  }[];
}

/** An entry of the journal; its further members depend on its type */
export interface Entry {
  type: string;
  seq: number;
  /** Milliseconds since the epoch, on the target's clock */
  at: number;
  recordedAt: string;
  /** Fencing token of the runner that wrote it; 0 for commands */
  fence: number;
  /** Hash of the entry before */
  prev: string;
  hash: string;
  [member: string]: unknown;
}

/** A numbered copy of a stack's config, why it came to be, and who is behind it */
export interface Revision {
  number: number;
  config: RawConfig;
  digest: string;
  why: string;
  who: string;
  step?: string;
  /** The revision whose config a person's edit changed */
  refines?: number;
  /** The revision that this one went back to */
  restores?: number;
  kept?: {
    path: string;
    why: string;
  }[];
  key?: string;
  engineVersion?: number;
  /** Milliseconds since the epoch, on the target's clock */
  at: number;
}

/** A stack config as its file has it; secrets read (secret) */
export type RawConfig = Record<string, unknown>;

/** A path of the stack config that differs */
export interface ConfigChange {
  path: string;
  before?: unknown;
  after?: unknown;
}

/** What the journals say; every number comes from an entry */
export interface Report {
  migrations: MigrationReport[];
  totals: {
    applications: number;
    updates: number;
    previews: number;
    rollbacks: number;
    gates: number;
    samples: number;
    updateMs: number;
  };
}

/** What a migration's journal says, and what was looked at to report it */
export interface MigrationReport {
  stack: string;
  application: string;
  environment: string;
  status: string;
  /** Milliseconds since the epoch, on the target's clock */
  startedAt: number;
  /** Milliseconds since the epoch, on the target's clock */
  endedAt: number;
  steps: StepReport[];
  /** What moves its users: the records of the dns section, or the target groups of the traffic section */
  shift?: "dns" | "traffic";
  /** Percent for the new side, as applied: of DNS answers, or of the requests of a load balancer's rule */
  dnsWeights: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    value: number;
  }[];
  /** Percent of requests to green, as applied */
  greenWeights: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    value: number;
  }[];
  promotion?: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    /** Seconds, as observed last before it */
    lag?: number;
    /** Milliseconds since the epoch, on the target's clock */
    lagObservedAt?: number;
    /** Milliseconds since the epoch, on the target's clock */
    writesStoppedAt?: number;
    /** Milliseconds between maintenance mode on and off */
    pauseMs?: number;
  };
  rollbacks: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    who: string;
    why: string;
    /** Milliseconds since the epoch, on the target's clock */
    completedAt?: number;
    automatic: boolean;
    toRevision: number;
    /** What ran, in order */
    path: string[];
    kept: string[];
  }[];
  revisions: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    who: string;
    why: string;
    number: number;
    restores?: number;
  }[];
  waivers: {
    policy: string;
    resource?: string;
    reason: string;
  }[];
  /** What was settled after a crash */
  recoveries: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    note: string;
  }[];
  decisions: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    who: string;
    /** The command */
    what: string;
    step?: string;
    why?: string;
    resources?: string[];
  }[];
  judgements: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    step: string;
    passed: boolean;
    gates: Gate[];
    reason?: string;
    heldMs?: number;
  }[];
  /** Values of gates over time */
  series: {
    gate: string;
    phase: string;
    points: {
      /** Milliseconds since the epoch, on the target's clock */
      at: number;
      value: number;
      passes: boolean;
    }[];
    /** Highest value that passes */
    limit?: number;
    accepts: string;
  }[];
  timeline: {
    seq: number;
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    kind: string;
    step?: string;
    text: string;
  }[];
  /** A month */
  costs?: {
    before: number;
    after: number;
    applicationBefore?: number;
    applicationAfter?: number;
    spotSavingsAMonth?: number;
    currency: string;
  };
  scorecard?: Scorecard;
  verification?: {
    /** Milliseconds since the epoch, on the wall clock */
    at: number;
    faults: string[];
    entries: number;
    /** Hash of the newest entry */
    head: string;
  };
}

export interface StepReport {
  id: string;
  phase: Phase;
  kind: string;
  title: string;
  /** The guide's item that it carries out */
  seed: string;
  status: string;
  attempts: number;
  /** Milliseconds since the epoch, on the target's clock */
  startedAt?: number;
  /** Milliseconds since the epoch, on the target's clock */
  completedAt?: number;
  revision?: number;
  /** What the engine's update took, in real milliseconds */
  updateMs?: number;
  changes?: Record<string, number>;
  gates: Gate[];
  evidence?: string;
  files: string[];
  approvedBy?: string;
}

/** A rehearsal in a list */
export interface RehearsalSummary {
  id: string;
  /** Wall clock, ISO 8601 */
  madeAt: string;
  stacks: string[];
  verdict: "go" | "no-go";
  /** What speaks against the real migration; empty for a go */
  reasons: string[];
}

/** A rehearsal, to judge and to replay step by step */
export interface Rehearsal {
  id: string;
  /** Wall clock, ISO 8601 */
  madeAt: string;
  stacks: string[];
  verdict: "go" | "no-go";
  /** What speaks against the real migration; empty for a go */
  reasons: string[];
  seed: number;
  migrations: {
    stack: string;
    /** SHA-256 of the stack config that was rehearsed */
    digest: string;
    status: string;
    reasons: string[];
    faults: {
      fault: string;
      came: boolean;
    }[];
    restarts: number;
    /** What each rollback of the rehearsal cost */
    rollbacks: {
      /** Milliseconds since the epoch, on the target's clock */
      at: number;
      why: string;
      automatic: boolean;
      revision: number;
      /** From the first bad sample to the decision */
      detectionMs?: number;
      /** From the decision until users were back */
      usersBackMs?: number;
      doneMs?: number;
      /** Share of users on the new side at the decision */
      usersOnNew: number;
      loses: string[];
    }[];
    /** What going back to the beginning would have cost after each step */
    waysBack: {
      step: string;
      /** Milliseconds since the epoch, on the target's clock */
      at: number;
      possible: boolean;
      usersMinutes: number;
      minutes: number;
      items: number;
      loses: string[];
    }[];
    /** What the sandbox could not try */
    notTried?: string[];
    /** Each gate of the plan, and who answers it on real targets: the sandbox answered for all of them */
    signals?: {
      gate: string;
      /** Steps that ask it, in order */
      steps: string[];
      source?: string;
      /** Why nothing ever can answer, and what to do about it */
      noSource?: string;
    }[];
    writePauseMs?: number;
    untilPromotionMs?: number;
    writePauseBudgetMs?: number;
    frames: RehearsalFrame[];
    report: MigrationReport;
  }[];
}

/** One moment to replay: what happened, and how everything stood then */
export interface RehearsalFrame {
  seq: number;
  /** Milliseconds since the epoch, on the target's clock */
  at: number;
  kind: string;
  step?: string;
  text: string;
  status: string;
  phase: Phase;
  revision: number;
  /** Percent, as intended */
  weights: {
    dns?: number;
    green?: number;
  };
  /** Share of users really on the new side */
  usersOnNew: number;
  gates?: {
    gate: string;
    verdict: string;
    shown: string;
    accepts: string;
  }[];
}

/** Who moves when, and who needs whom */
export interface Inventory {
  applications: {
    name: string;
    technology: string;
    traffic: string;
    dataStore?: string;
    criticality: string;
    owner: string;
    /** Applications of one wave may move together; from 1 */
    wave: number;
  }[];
  graph: {
    nodes: {
      id: string;
      label: string;
      kind: "application" | "service" | "consumer";
      wave?: number;
    }[];
    /** `from` needs `to` */
    edges: {
      from: string;
      to: string;
    }[];
  };
}

/** Both sides over time, with the gates' limits */
export interface Signals {
  /** Milliseconds since the epoch, on the target's clock */
  from: number;
  /** Milliseconds since the epoch, on the target's clock */
  to: number;
  charts: {
    id: "rollout" | "dns" | "errors" | "latency" | "lag";
    title: string;
    unit: "percent" | "fraction" | "seconds";
    /** Where the gate ends */
    threshold?: {
      value: number;
      label: string;
    };
    series: {
      id: "new" | "old" | "asked";
      label: string;
      points: {
        /** Milliseconds since the epoch, on the target's clock */
        at: number;
        /** null where it was unknown */
        value: number | null;
      }[];
    }[];
  }[];
  /** What happened, to mark in every chart */
  moments: {
    /** Milliseconds since the epoch, on the target's clock */
    at: number;
    kind: "step" | "rollback" | "held" | "promotion";
    label: string;
  }[];
}

/** A migration at this moment */
export interface Moment {
  /** The target's time when this was said */
  now: number;
  /** Of the sides that users are on, as measured within the last minute */
  health: {
    state: "healthy" | "unhealthy" | "unknown";
    why: string;
    /** Milliseconds since the epoch, on the target's clock */
    at?: number;
  };
  /** Milliseconds since the epoch, on the target's clock */
  statusSince: number;
  /** The step that runs, and how long it takes by what is known */
  step?: {
    /** Milliseconds since the epoch, on the target's clock */
    since: number;
    expectedMs?: number;
    expectedFrom?: string;
  };
  /** What the engine is at, of an update that runs in this process */
  resources: {
    name: string;
    type: string;
    op: string;
    forMs: number;
  }[];
  /** Zones, records and commands with which a person sets the weights without the service */
  byHand: string[];
  /** How long users could not write, or cannot, and how long they may not */
  writePause?: {
    /** Milliseconds since the epoch, on the target's clock */
    since: number;
    /** From here on the budget counts no more */
    promotionAt?: number;
    /** Milliseconds since the epoch, on the target's clock */
    endedAt?: number;
    budgetMs: number;
  };
}

/** A checklist of the guide, ticked by evidence */
export interface Checklist {
  id: string;
  title: string;
  /** Where in the guide */
  phase: string;
  done: number;
  items: {
    /** The line as the guide writes it */
    text: string;
    tick: "done" | "running" | "failed" | "undone" | "waiting";
    /** The steps whose outcome ticks it */
    steps: {
      id: string;
      status: "waiting" | "running" | "done" | "undone" | "failed";
    }[];
    evidence?: string;
    /** Milliseconds since the epoch, on the target's clock */
    at?: number;
  }[];
}

/** A risk, the facts it rests on, and how far its mitigation is */
export interface Risk {
  id: string;
  title: string;
  severity: "high" | "medium" | "low";
  evidence: string;
  mitigation: string;
  standing: "open" | "mitigated";
  mitigatedBy: {
    id: string;
    title: string;
    status: "waiting" | "running" | "done" | "undone" | "failed";
  }[];
}

/** What would refuse, lose, slow or endanger the move of the database */
export interface DatabaseReadiness {
  /** unknown is not ready; past: writes are stopped or the replica was promoted; none: no database moves */
  standing: "computed" | "unknown" | "past" | "none";
  /** Milliseconds since the epoch, on the target's clock */
  at: number;
  /** Worst first */
  findings: {
    kind: "refuses" | "loses" | "slows" | "warns";
    what: string;
    /** In tables, rows or seconds */
    means: string;
    /** The statement or setting that mends it */
    cure: string;
    /** What is impossible as a whole because of it */
    stops?: "the stream back" | "stopping writes" | "the comparison";
  }[];
  /** Why it is not known */
  why?: string;
}

/** Cost before and after */
export interface Costs {
  /** Whether the step that reads the costs has run */
  known: boolean;
  currency?: string;
  /** The whole account, a month */
  account?: {
    before: number;
    after: number;
  };
  /** Tagged with the application, a month */
  application?: {
    before: number;
    after: number;
  };
  services: {
    before: number;
    after: number;
    service: string;
  }[];
  spotSavingsAMonth?: number;
  evidence?: string;
}

/** What can be changed while it runs */
export interface Tuning {
  /** By path in the stack config */
  values: Record<string, unknown>;
  /** What people changed since it began */
  tuned: Record<string, unknown>;
  /** What each value means, and what is accepted for it */
  texts: Record<string, {
    about: string;
    accepted: string;
  }>;
  proposal?: Proposal;
  loosened?: Loosened;
}

/** What somebody edited in a stack's file */
export interface Edit {
  /** Names this edit, so that no other one is taken */
  digest: string;
  /** Against the applied revision; empty without an edit */
  changes: ConfigChange[];
  /** What of it cannot be taken during a migration, and why */
  refused: {
    path: string;
    got?: string;
    accepted: string;
  }[];
}

/** Every operation of the API that answers once. */
export class Operations {
  /** Paths of what does not answer once. */
  static readonly streams = { events: "/v1/events" } as const;

  constructor(private readonly call: <T>(call: Call) => Promise<T>) {}

  /** Tells that the process answers. */
  health(options: CallOptions = {}): Promise<{
    status: "ok";
  }> {
    return this.call({ method: "GET", path: `/healthz`, ...options });
  }

  /** Tells whether the service should be given requests; 503 says which part is missing. */
  ready(options: CallOptions = {}): Promise<{
    status: "ready";
  }> {
    return this.call({ method: "GET", path: `/readyz`, ...options });
  }

  /** Gives the service's own metrics to Prometheus. Needs the role viewer. */
  metrics(options: CallOptions = {}): Promise<unknown> {
    return this.call({ method: "GET", path: `/metrics`, text: true, ...options });
  }

  /** Shows what was changed past the engine, as the last look found it. Needs the role viewer. */
  getDrift(stack: string, options: CallOptions = {}): Promise<{
    drift: Drift | null;
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/drift`, ...options });
  }

  /** Compares what is really there with the applied revision, now. Journals what differs; repairs nothing. Needs the role operator. */
  lookForDrift(stack: string, options: CallOptions = {}): Promise<{
    drift: Drift | null;
  }> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/drift`, ...options });
  }

  /** Describes this API: OpenAPI 3.1, made from the schemas that check the requests. Needs the role viewer. */
  getOpenApi(options: CallOptions = {}): Promise<{
    openapi: string;
    [member: string]: unknown;
  }> {
    return this.call({ method: "GET", path: `/v1/openapi.json`, ...options });
  }

  /** Tells who the credential stands for, and which roles it has for a stack or anywhere. Needs the role viewer. */
  getMe(query: {
    /** Roles for this stack; anywhere when absent */
    stack?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<Me> {
    return this.call({ method: "GET", path: `/v1/me`, query, ...options });
  }

  /** Lists the migrations that the caller may see, by stack. Needs the role viewer. */
  listMigrations(query: {
    /** Only stacks that come after this one: the `next` of the page before */
    after?: string | undefined;
    /** At most so many */
    limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<{
    migrations: Migration[];
    next?: string;
    /** Migrations whose journal this version cannot read, and why; absent where there is none */
    unreadable?: {
      stack: string;
      problem: string;
    }[];
  }> {
    return this.call({ method: "GET", path: `/v1/migrations`, query, ...options });
  }

  /** Begins the migration of a stack with its config file as revision 0; answers the one that exists. Needs the role operator. */
  createMigration(body: {
    /** Name of a stack: application and environment */
    stack: string;
    /** `digest` of the beginning that was looked at: a file that was edited since is not taken */
    seen?: string | undefined;
  }, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations`, body, ...options });
  }

  /** Lists the stacks that have a config file, also those whose migration has not begun. Needs the role viewer. */
  listStacks(options: CallOptions = {}): Promise<{
    stacks: StackInFile[];
  }> {
    return this.call({ method: "GET", path: `/v1/stacks`, ...options });
  }

  /** Shows what beginning the migrations of some stacks would do, each by itself; begins none. Needs the role viewer. */
  previewBeginnings(body: {
    stacks: string[];
  }, options: CallOptions = {}): Promise<{
    beginnings: Beginning[];
  }> {
    return this.call({ method: "POST", path: `/v1/stacks/preview`, body, ...options });
  }

  /** Tells where a migration is, what comes next, its weights and gates. Needs the role viewer. */
  getMigration(stack: string, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}`, ...options });
  }

  /** Lists every step with its way back, its gates, and what became of it. Needs the role viewer. */
  getPlan(stack: string, options: CallOptions = {}): Promise<{
    position: number;
    steps: Step[];
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/plan`, ...options });
  }

  /** Shows what a rollback to a revision would run, keep and lose. Needs the role viewer. */
  getWayBack(stack: string, query: {
    revision: number;
  }, options: CallOptions = {}): Promise<Way> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/way-back`, query, ...options });
  }

  /** Makes the next step's preview now, and its way back; changes nothing. Needs the role viewer. */
  previewNextStep(stack: string, options: CallOptions = {}): Promise<NextStep> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/preview`, body: {}, ...options });
  }

  /** Judges the 30/60/90-day goals, by what is measured now and by what the steps left. Needs the role viewer. */
  getScorecard(stack: string, options: CallOptions = {}): Promise<Scorecard> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/scorecard`, ...options });
  }

  /** Lists journal entries in order. Needs the role viewer. */
  getJournal(stack: string, query: {
    /** Only what comes after this number: the `next` of the page before */
    after?: number | undefined;
    /** At most so many */
    limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<{
    entries: Entry[];
    next?: number;
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/journal`, query, ...options });
  }

  /** Lists revisions in order: config, why, who. Needs the role viewer. */
  getRevisions(stack: string, query: {
    /** Only revisions after this one: the `next` of the page before */
    after?: number | undefined;
    /** At most so many */
    limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<{
    current: number;
    revisions: Revision[];
    next?: number;
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/revisions`, query, ...options });
  }

  /** Compares a revision's config with another one's. Needs the role viewer. */
  getRevisionDiff(stack: string, number: number, query: {
    /** The other revision; the one before when absent */
    against?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<{
    from: number;
    to: number;
    changes: ConfigChange[];
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/revisions/${encodeURIComponent(number)}/diff`, query, ...options });
  }

  /** Checks the journal's hash chain, and the revisions against the engine's own history. Needs the role viewer. */
  verifyJournal(stack: string, options: CallOptions = {}): Promise<{
    intact: boolean;
    faults: string[];
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/verify`, ...options });
  }

  /** Fetches a file of evidence. Needs the role viewer. */
  getFile(stack: string, name: string, options: CallOptions = {}): Promise<string> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/files/${encodeURIComponent(name)}`, text: true, ...options });
  }

  /** Reports on a migration: steps, weights, gates with values, decisions, rollbacks, costs, verification. Needs the role viewer. */
  getReport(stack: string, options: CallOptions = {}): Promise<Report> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/report`, ...options });
  }

  /** The report as one HTML file without anything outside it. Needs the role viewer. */
  getReportPage(stack: string, options: CallOptions = {}): Promise<string> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/report.html`, text: true, ...options });
  }

  /** The report as Markdown. Needs the role viewer. */
  getReportMarkdown(stack: string, options: CallOptions = {}): Promise<string> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/report.md`, text: true, ...options });
  }

  /** Lists the rehearsals of the state folder, newest first. Needs the role viewer. */
  listRehearsals(options: CallOptions = {}): Promise<{
    rehearsals: RehearsalSummary[];
  }> {
    return this.call({ method: "GET", path: `/v1/rehearsals`, ...options });
  }

  /** A rehearsal's verdict, what going back cost, and every moment of it to replay. Needs the role viewer. */
  getRehearsal(id: string, options: CallOptions = {}): Promise<Rehearsal> {
    return this.call({ method: "GET", path: `/v1/rehearsals/${encodeURIComponent(id)}`, ...options });
  }

  /** Lists the inventory's applications by wave, with the graph of what needs what. Needs the role viewer. */
  getInventory(options: CallOptions = {}): Promise<Inventory> {
    return this.call({ method: "GET", path: `/v1/inventory`, ...options });
  }

  /** Answers weights, error rate, latency and lag of both sides over time: from the journal, and sampled between. Needs the role viewer. */
  getSignals(stack: string, query: {
    /** Not before; the migration's beginning when absent */
    from?: number | undefined;
    /** Not after; now when absent */
    to?: number | undefined;
    /** At most so many points a line; of neighbours the worst stays */
    points?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<Signals> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/signals`, query, ...options });
  }

  /** Tells how it is at this moment: healthy or not, how long since, what the engine is at, how much of the write pause is left. Needs the role viewer. */
  getMoment(stack: string, options: CallOptions = {}): Promise<Moment> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/moment`, ...options });
  }

  /** Lists the guide's checklists, each line ticked by the steps that carry it out. Needs the role viewer. */
  getChecklists(stack: string, options: CallOptions = {}): Promise<{
    checklists: Checklist[];
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/checklists`, ...options });
  }

  /** Lists the risks with the facts they rest on and how far their mitigation is. Needs the role viewer. */
  getRisks(stack: string, options: CallOptions = {}): Promise<{
    risks: Risk[];
  }> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/risks`, ...options });
  }

  /** Reports whether the databases are ready to move: what refuses, loses, slows or warns, each with its cure. Needs the role viewer. */
  getReadiness(stack: string, options: CallOptions = {}): Promise<DatabaseReadiness> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/readiness`, ...options });
  }

  /** Answers the cost before and after, as the step that reviews it found it. Needs the role viewer. */
  getCosts(stack: string, options: CallOptions = {}): Promise<Costs> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/costs`, ...options });
  }

  /** Shows what an emergency would run, keep and lose. Needs the role viewer. */
  getEmergencyWay(stack: string, options: CallOptions = {}): Promise<Way> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/way-back/emergency`, ...options });
  }

  /** Lists what can be changed while it runs, with the values that count now. Needs the role viewer. */
  getTuning(stack: string, options: CallOptions = {}): Promise<Tuning> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/tuning`, ...options });
  }

  /** Goes on by one step, to the end of the phase, or as far as it may. Needs the role operator. */
  advance(stack: string, body: {
    extent?: "step" | "phase" | "end" | undefined;
  } = {}, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/advance`, body, repeatable: true, ...options });
  }

  /** Approves the step that waits; `resources` names what may be replaced or deleted. Needs the role approver. */
  approve(stack: string, body: {
    step: string;
    resources?: string[] | undefined;
    /** Digest of the preview that was seen: the approval counts for that one only */
    preview?: string | undefined;
  }, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/approve`, body, repeatable: true, ...options });
  }

  /** Refuses the step that waits, and holds the migration. Needs the role approver. */
  refuse(stack: string, body: {
    step: string;
    /** The reason, for the journal */
    why?: string | undefined;
  }, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/refuse`, body, repeatable: true, ...options });
  }

  /** Ends the pause that the canary is in. Needs the role operator. */
  promote(stack: string, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/promote`, body: {}, repeatable: true, ...options });
  }

  /** Changes thresholds, holds and weights to come, from now on. Needs the role operator. */
  tune(stack: string, body: {
    changes: Record<string, unknown>;
    /** The reason, for the journal */
    why?: string | undefined;
  }, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/tune`, body, repeatable: true, ...options });
  }

  /** Confirms, as a second person, a tuning that loosens what protects; approvals given before it lapse. Needs the role approver. */
  confirm(stack: string, body: {
    tuning: number;
  }, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/confirm`, body, repeatable: true, ...options });
  }

  /** Stops between two decisions. Needs the role operator. */
  pause(stack: string, body: {
    /** The reason, for the journal */
    why?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/pause`, body, repeatable: true, ...options });
  }

  /** Goes on with what was paused or held. Needs the role operator. */
  resume(stack: string, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/resume`, body: {}, repeatable: true, ...options });
  }

  /** Goes back to a revision. Needs the role operator. */
  rollback(stack: string, body: {
    revision: number;
    /** The reason, for the journal */
    why?: string | undefined;
    /** Sends users to the old side although it is known to be no better */
    insist?: boolean | undefined;
  }, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/rollback`, body, repeatable: true, ...options });
  }

  /** Sends users to the old side at once, past the engine; then goes back to before their traffic moved. Needs the role operator. */
  emergency(stack: string, body: {
    /** The reason, for the journal */
    why?: string | undefined;
    /** Sends users to the old side although it is known to be no better */
    insist?: boolean | undefined;
  } = {}, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/emergency`, body, repeatable: true, ...options });
  }

  /** Goes back to revision 0 and ends the migration. Needs the role operator. */
  abort(stack: string, body: {
    /** The reason, for the journal */
    why?: string | undefined;
    /** Sends users to the old side although it is known to be no better */
    insist?: boolean | undefined;
  } = {}, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/abort`, body, repeatable: true, ...options });
  }

  /** Shows what somebody edited in the stack's file, and no revision has yet. Needs the role viewer. */
  getEdit(stack: string, options: CallOptions = {}): Promise<Edit> {
    return this.call({ method: "GET", path: `/v1/migrations/${encodeURIComponent(stack)}/edit`, ...options });
  }

  /** Takes what somebody edited in the stack's file as a revision of its own, with preview and gates. Needs the role operator. */
  edit(stack: string, body: {
    /** The reason, for the journal */
    why?: string | undefined;
    /** Digest of the edit that was seen: no other one is taken */
    seen?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<Migration> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/edit`, body, repeatable: true, ...options });
  }

  /** Makes the preview of the edit in the stack's file now; changes nothing. Needs the role viewer. */
  previewEdit(stack: string, options: CallOptions = {}): Promise<{
    preview: Preview;
  }> {
    return this.call({ method: "POST", path: `/v1/migrations/${encodeURIComponent(stack)}/edit/preview`, body: {}, ...options });
  }

  /** Takes Alertmanager's webhook: a firing alert with the label `stack` goes back like a failed gate, by the phase's policy. Needs the role operator. The body may have 2048 kB, that of other requests 64 kB. */
  receiveAlerts(body: {
    alerts: {
      status: "firing" | "resolved";
      labels: Record<string, string>;
      annotations?: Record<string, string>;
      startsAt: string;
      fingerprint?: string;
      [member: string]: unknown;
    }[];
    [member: string]: unknown;
  }, options: CallOptions = {}): Promise<{
    alerts: {
      alert: string;
      stack?: string;
      outcome: "journaled" | "known" | "no such migration" | "not firing" | "no label stack";
    }[];
  }> {
    return this.call({ method: "POST", path: `/v1/alerts`, body, ...options });
  }
}
