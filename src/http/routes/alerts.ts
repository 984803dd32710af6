import { z } from "zod";
import { type Caller, may } from "../../access/caller.js";
import type { Migrations } from "../../automation/migrations.js";
import { currentConfig } from "../../automation/state/state.js";
import { NotFound, Transient } from "../../errors.js";
import { STACK_NAME } from "../schemas/common.js";
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

/** So many alerts of a usual size, each with its labels, a description and links. */
const LARGEST = 2 * 1_024 * 1_024;

const OUTCOMES = ["journaled", "known", "no such migration", "not firing", "no label stack"] as const;
type Outcome = (typeof OUTCOMES)[number];
type Alert = z.output<typeof webhook>["alerts"][number];

const stackOf = ({ labels }: Alert): string | undefined => labels.stack;
const nameOf = ({ labels: { alertname = "an alert" } }: Alert): string => alertname;

/** What is done about one alert. @throws whatever keeps it from being journaled */
async function take(alert: Alert, caller: Caller, migrations: Migrations): Promise<Outcome> {
  const { status, annotations, startsAt, fingerprint } = alert;
  const [stack, name] = [stackOf(alert), nameOf(alert)];
  if (status !== "firing") return "not firing";
  if (stack === undefined) return "no label stack";
  // A label is any text; what is none of a stack must not reach a store's folders.
  if (!STACK_NAME.test(stack) || !(await isOperated(stack, caller, migrations))) return "no such migration";
  // The same alert is sent again and again while it fires.
  const id = `${fingerprint ?? name}@${startsAt}`;
  const reason = [name, annotations.description ?? annotations.summary ?? ""].filter((t) => t !== "").join(": ");
  return (await migrations.alarm(stack, { id, source: "Alertmanager", reason: reason.slice(0, 500) })) ? "journaled" : "known";
}

async function isOperated(stack: string, caller: Caller, migrations: Migrations): Promise<boolean> {
  try {
    const { name, environment } = currentConfig((await migrations.get(stack)).state).application;
    return may(caller, "operator", { application: name, environment });
  } catch (error) {
    if (error instanceof NotFound) return false;
    throw error;
  }
}

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
    largestBody: LARGEST,
    answer: {
      schema: z.object({ alerts: z.array(z.object({ alert: z.string(), stack: z.string().optional(), outcome: z.enum(OUTCOMES) })) }),
      what: "What was done about each",
    },
    problems: [409],
    handle: async ({ body, caller, services: { migrations } }) => {
      const answers: { alert: string; stack?: string; outcome: Outcome }[] = [];
      const failed = new Map<string, Error>();
      for (const alert of body.alerts) {
        const stack = stackOf(alert);
        try {
          const outcome = await take(alert, caller, migrations);
          answers.push({ alert: nameOf(alert), ...(stack === undefined ? {} : { stack }), outcome });
        } catch (error) {
          // Users of the other stacks go back all the same.
          failed.set(stack ?? nameOf(alert), error as Error);
        }
      }
      for (const [stack, error] of failed) migrations.fail(stack, error);
      if (failed.size > 0)
        throw new Transient(`Alerts were not taken for ${[...failed.keys()].join(", ")}; all others were.`, {
          next: "Send them again: those that were taken are known. The service's log says what is wrong.",
        });
      return { alerts: answers };
    },
  }),
];
