import { GetQueueAttributesCommand, GetQueueUrlCommand } from "@aws-sdk/client-sqs";
import type { StackConfig } from "../../config/schema.js";
import type { AwsClients } from "./clients.js";
import { metricData } from "./metrics.js";

type Sqs = Extract<StackConfig["handover"]["queues"][number], { kind: "sqs" }>;

/** Samples of ten minutes: SQS reports every minute, and begins up to fifteen after a queue was last used. */
const WINDOW_MS = 600_000;

/** Seconds that the oldest message has waited, and how old that figure is. @throws where nothing says so, and the queue is not empty */
export async function queueAge(clients: AwsClients, { name }: Sqs, now: number): Promise<{ value: number; ageSeconds: number }> {
  const data = await metricData(clients, {
    StartTime: new Date(now - WINDOW_MS),
    EndTime: new Date(now),
    ScanBy: "TimestampDescending",
    MetricDataQueries: [
      {
        Id: "age",
        MetricStat: {
          Metric: { Namespace: "AWS/SQS", MetricName: "ApproximateAgeOfOldestMessage", Dimensions: [{ Name: "QueueName", Value: name }] },
          Period: 60,
          Stat: "Maximum",
        },
      },
    ],
  });
  const { Values: [value] = [], Timestamps: [at] = [] } = data("age");
  if (value !== undefined && at !== undefined) return { value, ageSeconds: Math.max(0, (now - at.getTime()) / 1_000) };
  // A queue that nobody uses has no samples: one that is empty now keeps nobody waiting.
  if ((await messagesIn(clients, name)) === 0) return { value: 0, ageSeconds: 0 };
  throw new Error(`no samples of the age of ${name}'s oldest message in ten minutes, and it is not empty`);
}

/** Messages in a queue: waiting, being worked on, and delayed. */
export async function messagesIn({ sqs }: AwsClients, name: string): Promise<number> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"],
    }),
  );
  const counts = Object.values(Attributes).map(Number);
  if (counts.length === 0 || counts.some(Number.isNaN)) throw new Error(`SQS does not say how many messages ${name} has`);
  return counts.reduce((a, b) => a + b, 0);
}
