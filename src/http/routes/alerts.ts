import { z } from "zod";
import { may } from "../../access/caller.js";
import { currentConfig } from "../../automation/state.js";
import { route } from "./route.js";

const texts = z.record(z.string(), z.string());

/** Alertmanager's webhook, version 4, as far as it matters here. */
const webhook = z.looseObject({
  alerts: z
    .array(
      z.looseObject({
        status: z.enum(["firing", "resolved"]),
        labels: texts,
        annotations: texts.default({}),
        startsAt: z.string(),
        fingerprint: z.string().optional(),
      }),
      "Alertmanager's alerts",
    )
    .max(1_000, "at most 1,000 alerts"),
});

const OUTCOMES = ["journaled", "known", "no such migration", "not firing", "no label stack"] as const;

export const alertRoutes = [
  route({
    name: "receiveAlerts",
    method: "post",
    path: "/v1/alerts",
    tag: "commands",
    summary: "Takes Alertmanager's webhook: a firing alert with the label `stack` goes back like a failed gate, by the phase's policy.",
    needs: "operator",
    signed: true,
    body: webhook,
    answer: {
      schema: z.object({ alerts: z.array(z.object({ alert: z.string(), stack: z.string().optional(), outcome: z.enum(OUTCOMES) })) }),
      what: "What was done about each",
    },
    problems: [409],
    handle: async ({ body, caller, services: { migrations } }) => {
      const known = new Map((await migrations.list()).map((m) => [m.stack, m]));
      const answers: { alert: string; stack?: string; outcome: (typeof OUTCOMES)[number] }[] = [];
      for (const { status, labels, annotations, startsAt, fingerprint } of body.alerts) {
        const { alertname = "an alert", stack } = labels;
        const say = (outcome: (typeof OUTCOMES)[number]) =>
          answers.push({ alert: alertname, ...(stack === undefined ? {} : { stack }), outcome });
        const migration = stack === undefined ? undefined : known.get(stack);
        const of = migration === undefined ? undefined : currentConfig(migration.state).application;
        if (status !== "firing") say("not firing");
        else if (stack === undefined) say("no label stack");
        else if (of === undefined || !may(caller, "operator", { application: of.name, environment: of.environment }))
          say("no such migration");
        else {
          // The same alert is sent again and again while it fires.
          const id = `${fingerprint ?? alertname}@${startsAt}`;
          const reason = [alertname, annotations.description ?? annotations.summary ?? ""].filter((t) => t !== "").join(": ");
          say((await migrations.alarm(stack, { id, source: "Alertmanager", reason: reason.slice(0, 500) })) ? "journaled" : "known");
        }
      }
      return { alerts: answers };
    },
  }),
];
