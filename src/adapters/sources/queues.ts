import type { StackConfig } from "../../config/schema.js";
import { known, unknown } from "../../ports/observations.js";
import { messagesIn, queueAge } from "../aws/queues.js";
import { CLOUDWATCH_DELAY } from "../aws/requests.js";
import { type PrometheusOptions, query } from "../prometheus/query.js";
import { each, type Measured, type SourceParts } from "./source.js";

/** How long the work in queues waits, and what no worker could process. */
export const queueSource = (parts: SourceParts) =>
  each(["queue-age", "dead-letters"], (name) => async ({ config }) => {
    const said = await queueObservation(name, config, parts);
    // SQS's figures come a minute late, and within a minute more.
    return said.source.includes("sqs") && name === "queue-age" ? { ...said, delay: CLOUDWATCH_DELAY + 60 } : said;
  });

/** The worst of all queues; one that nobody can ask makes it unknown (promise 10). */
export async function queueObservation(
  name: "queue-age" | "dead-letters",
  config: StackConfig,
  { clients, prometheus }: Pick<SourceParts, "clients" | "prometheus">,
): Promise<Measured> {
  const { queues } = config.handover;
  if (queues.length === 0) return { reading: unknown("handover.queues names no queue"), age: 0, source: "none" };
  const source = [...new Set(queues.map((q) => q.kind))].join(" and ");
  try {
    const asked = queues.flatMap((queue) => {
      if (name === "queue-age") return queue.kind === "sqs" ? [queueAge(clients, queue, Date.now())] : [numberOf(prometheus, queue.age)];
      if (queue.deadLetters === undefined) return [];
      return queue.kind === "sqs" ? [messagesIn(clients, queue.deadLetters).then(fresh)] : [numberOf(prometheus, queue.deadLetters)];
    });
    const all = await Promise.all(asked);
    if (all.length === 0) return { reading: unknown("no queue of handover.queues has dead letters that are looked at"), age: 0, source };
    const age = Math.max(...all.map((a) => a.ageSeconds));
    const values = all.map((a) => a.value);
    const value = name === "queue-age" ? Math.max(...values) : values.reduce((a, b) => a + b, 0);
    return { reading: known(value), age, source };
  } catch (error) {
    return { reading: unknown((error as Error).message), age: 0, source };
  }
}

async function numberOf(prometheus: PrometheusOptions, expression: string): Promise<ReturnType<typeof fresh>> {
  const value = await query(prometheus, expression);
  if (value === undefined || Number.isNaN(value)) throw new Error(`no value of ${expression}`);
  return fresh(value);
}

const fresh = (value: number) => ({ value, ageSeconds: 0 });
