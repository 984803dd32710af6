import { z } from "zod";
import { ACTIONS, type Action } from "../../automation/decide/offers.js";
import { anything, instant, phase } from "./common.js";

export const gate = z
  .object({
    gate: z.string(),
    accepts: z.string().describe("What passes, for people"),
    verdict: z.enum(["pass", "pending", "fail", "unknown"]),
    last: z.number().optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    shown: z.string().describe("The last value with its unit, or why it is unknown"),
    samples: z.int(),
    source: z.string(),
    at: instant.optional().describe("When the last value was true"),
    early: z.literal(true).optional().describe("The value is from before what is judged: unknown, though the source sees"),
  })
  .meta({ id: "Gate", description: "A gate as it was last judged" });

export const stackInFile = z
  .object({
    stack: z.string(),
    begun: z.boolean().describe("Whether there is a migration of it"),
    application: z.string().optional(),
    environment: z.string().optional(),
    criticality: z.string().optional(),
    owner: z.string().optional(),
    problem: z.string().optional().describe("What is wrong in its file; the rest is absent then"),
    mayBegin: z.boolean().describe("Whether the caller may begin its migration now"),
  })
  .meta({ id: "StackInFile", description: "A stack that has a config file" });

export const beginning = z
  .object({
    stack: z.string(),
    begun: z.boolean().describe("Whether there is a migration of it already: beginning it changes nothing"),
    problem: z.string().optional().describe("Why it cannot be begun; the rest is absent then"),
    next: z.string().optional().describe("What to do about that"),
    application: z.string().optional(),
    environment: z.string().optional(),
    criticality: z.string().optional(),
    owner: z.string().optional(),
    digest: z.string().optional().describe("Of the config that becomes revision 0, for `seen`"),
    phases: z
      .array(z.object({ phase, steps: z.int() }))
      .optional()
      .describe("Its plan, in order"),
    first: z.object({ id: z.string(), title: z.string() }).optional().describe("The step that its first advance runs"),
    asks: z.int().optional().describe("How often a person is asked before it goes on"),
    pointsOfNoReturn: z.array(z.string()).optional().describe("Titles of the steps after which the way back is another one, or none"),
  })
  .meta({ id: "Beginning", description: "What beginning a stack's migration would do" });

const looser = z.array(z.object({ path: z.string(), before: anything.optional(), after: anything.optional() }));

export const proposal = z
  .object({ tuning: z.int().describe("Number of its entry, for `confirm`"), loosens: looser, why: z.string(), who: z.string() })
  .meta({ id: "Proposal", description: "A tuning that loosens protections and waits for a second person" });

export const loosened = z
  .array(z.object({ changes: looser, why: z.string(), who: z.string(), confirmedBy: z.string(), at: instant }))
  .meta({ id: "Loosened", description: "What two people loosened since it began: whoever approves should know" });

const offer = z
  .object({
    offered: z.boolean(),
    why: z.string().optional().describe("Why it is not"),
    next: z.string().optional().describe("What to do instead"),
    notBy: z.string().optional().describe("Whom it is not offered to: it needs a second person"),
  })
  .meta({ id: "Offer", description: "Whether the service would take a command now" });

const wayBack = z.object({
  summary: z.string(),
  loses: z.string(),
  none: z.literal(true).optional().describe("It cannot be undone"),
});

const ahead = z
  .object({
    run: z.array(z.object({ id: z.string(), title: z.string(), pointOfNoReturn: z.literal(true).optional(), wayBack: wayBack.optional() })),
    stopsAt: z.object({ id: z.string(), asks: z.string() }).optional().describe("Where it stops for a person; absent at the end"),
    reach: z
      .object({ step: z.int(), phase: z.int(), end: z.int(), goal: z.int() })
      .describe("How many steps each extent has from here; beyond `run` it stops for the person. `goal`: as far as it was advanced"),
  })
  .meta({ id: "Ahead", description: "What runs next, up to the next decision of a person or the end" });

export const migration = z
  .object({
    stack: z.string(),
    application: z.string(),
    environment: z.string(),
    criticality: z.string(),
    owner: z.string().optional(),
    status: z.enum(["ready", "running", "approval", "paused", "held", "returning", "completed", "aborted"]),
    running: z
      .boolean()
      .describe("Whether a process is at work on it, whichever that is; one that only watches gates while it waits for a person is not"),
    phase,
    step: z
      .object({
        id: z.string(),
        title: z.string(),
        kind: z.enum(["config", "action", "gate", "approval"]),
        asks: z.string().optional(),
        answer: z.string().optional().describe("The answer that lets it go on, where that is not an approval by name"),
        secondPerson: z.boolean().optional(),
      })
      .optional()
      .describe("What comes next or is under way; absent when all is done"),
    done: z.int(),
    goal: z.int().describe("Index of the first step that does not run without being asked again"),
    steps: z.int(),
    phases: z.array(z.object({ phase, done: z.int(), steps: z.int() })).describe("How far each phase of the plan is, in order"),
    revision: z.int(),
    image: z.string().describe("The version that users get"),
    dns: z.object({ records: z.enum(["none", "old", "both", "new"]), old: z.number(), new: z.number() }).optional(),
    green: z.number().optional().describe("Percent of the green colour"),
    heldReason: z.string().optional(),
    proposal: proposal.optional(),
    loosened: loosened.optional(),
    edit: z
      .object({ paths: z.array(z.string()), why: z.string(), who: z.string(), applied: z.boolean() })
      .optional()
      .describe("A person's edit of the stack's config, until its gates have held"),
    blind: z
      .object({ since: instant, gates: z.array(z.string()), why: z.string() })
      .optional()
      .describe("The watch over users on the new side sees nothing of them, for longer than two intervals"),
    blocked: z.string().optional().describe("Why the engine cannot be used now: it is tried again, and no try is spent"),
    beyond: z.string().optional().describe("What only another version of cutover goes forward with; ways back are possible"),
    waits: z.object({ until: instant, why: z.string() }).optional().describe("What the calendar makes it wait for"),
    watch: z
      .object({ since: instant, passingSince: instant.optional(), holdMs: z.number().describe("How long the gates must hold") })
      .optional()
      .describe("Since when the step's gates are watched, and pass without a break"),
    returning: z
      .object({
        revision: z.int(),
        items: z.array(z.string()).describe("What runs, in order"),
        done: z.int(),
        why: z.string(),
        automatic: z.boolean(),
        abort: z.boolean(),
      })
      .optional()
      .describe("The way back that is under way"),
    sentBack: z
      .object({
        at: instant,
        old: z.number(),
        new: z.number(),
        shown: z.boolean().describe("Whether the far side shows these weights; until then they are only wanted"),
        waitsFor: z.string().optional().describe("What is being waited for until then"),
        byHand: z.array(z.string()).optional().describe("Zones, records and commands with which a person sets the weights"),
      })
      .optional()
      .describe("An emergency, until somebody goes on"),
    wentBack: z
      .object({
        kind: z.enum(["emergency", "rollback", "abort"]),
        at: instant.describe("When it was ordered"),
        doneAt: instant.optional().describe("When the way back had run to its end; absent until then"),
        who: z.string().optional().describe("Absent when it went back automatically"),
        why: z.string(),
        revision: z.int().optional().describe("Where it leads"),
        underWay: z.boolean(),
      })
      .optional()
      .describe("What went back last, by whom and why; gone once somebody goes on"),
    losses: z
      .array(z.object({ op: z.enum(["replace", "delete"]), name: z.string(), type: z.string(), urn: z.string() }))
      .optional()
      .describe("What holds data and would be replaced or deleted; there while the step is held for it: an approval names each"),
    gates: z.array(gate).describe("Readings of the attempt that is under way or ended here; none of what was undone"),
    allowed: z
      .object(Object.fromEntries(ACTIONS.map((a) => [a, offer])) as Record<Action, typeof offer>)
      .describe("What a person may do now, and why not: by the rules that accept the commands"),
    ahead,
    updatedAt: z.iso.datetime(),
    lastSeq: z.int().describe("Number of the newest journal entry"),
  })
  .meta({ id: "Migration", description: "Where a migration is, what comes next, where its users are" });

export const preview = z
  .object({
    changes: z.array(
      z.object({
        urn: z.string(),
        type: z.string(),
        name: z.string(),
        op: z.enum(["create", "update", "replace", "delete"]),
        diff: z.array(
          z.object({ path: z.string(), before: anything.optional(), after: anything.optional(), replaces: z.boolean().optional() }),
        ),
        by: z.array(z.string()).optional().describe("Who else wrote what it changes, where the cluster knows"),
      }),
    ),
    unchanged: z.int(),
    digest: z.string().describe("SHA-256 over the changes: an approval is bound to it"),
  })
  .meta({ id: "Preview", description: "What an update would change" });

export const step = z
  .object({
    id: z.string(),
    phase,
    kind: z.enum(["config", "action", "gate", "approval"]),
    title: z.string(),
    seed: z.string().describe("What of the guide it carries out"),
    wayBack,
    pointOfNoReturn: z.boolean(),
    gates: z.array(
      z.object({
        gate: z.string(),
        accepts: z.string(),
        expect: z.number().optional(),
        holdSeconds: z.number(),
        timeoutSeconds: z.number().optional(),
        source: z.string().optional().describe("Who answers it on real targets"),
        noSource: z.string().optional().describe("Why nothing ever can, and what to do about it: the step does not begin"),
      }),
    ),
    status: z.enum(["waiting", "running", "done", "undone", "failed"]),
    attempt: z.int(),
    asks: z.string().optional().describe("What the person is asked, of an approval"),
    answer: z.string().optional(),
    secondPerson: z.boolean().optional(),
    startedAt: instant.optional(),
    completedAt: instant.optional(),
    evidence: z.string().optional(),
    files: z.array(z.string()).optional(),
    observed: z.array(gate).optional(),
    preview: preview.optional(),
    error: z.string().optional(),
    approvedBy: z.string().optional(),
    revision: z.int().optional(),
  })
  .meta({ id: "Step", description: "One step of a plan, and what became of it" });

const pathItem = z.union([
  z.object({
    kind: z.literal("config"),
    kept: z.array(z.object({ path: z.string(), why: z.string() })),
    dnsOnly: z.boolean(),
    summary: z.string(),
    afterSeconds: z.number().optional(),
  }),
  z.object({ kind: z.literal("undo"), step: z.string(), summary: z.string() }),
]);

export const way = z
  .object({
    revision: z.int(),
    undoTo: z.int().describe("Index of the first step that is undone"),
    path: z.array(pathItem).describe("What runs, in order"),
    crossesPointOfNoReturn: z.boolean(),
    loses: z.array(z.string()),
    byHand: z.array(z.string()).optional().describe("Of an emergency: zones, records and commands with which a person sets the weights"),
  })
  .meta({ id: "Way", description: "A way back, before it is gone" });

export const scorecard = z
  .object({
    since: instant.optional().describe("When all users had moved"),
    days: z.int().optional(),
    goals: z.array(
      z.object({
        id: z.string(),
        days: z.union([z.literal(30), z.literal(60), z.literal(90)]),
        title: z.string(),
        standing: z.enum(["met", "missed", "open", "unknown"]),
        evidence: z.string(),
      }),
    ),
  })
  .meta({ id: "Scorecard", description: "The 30/60/90-day goals" });
