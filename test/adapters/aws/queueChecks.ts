import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { queueObservation } from "../../../src/adapters/sources/queues.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { STACK, WITH_PROCESSES } from "../../automation/model.js";
import type { motoForSuite } from "../../support/moto.js";

/** What the queues of a handover say, in moto's SQS. */
export function queueChecks(moto: ReturnType<typeof motoForSuite>, clientsOf: () => AwsClients): void {
  const config = (queues: object[]) => readConfig(patched(WITH_PROCESSES, { "handover.queues": queues }), "test", STACK);
  const none = { url: "http://127.0.0.1:1", timeoutMs: 500 };

  it("[applications-14] promise 10: shows the age of the oldest message and the dead letters, and what it cannot know as unknown", async () => {
    const clients = clientsOf();
    // What the test itself does is none of the service's actions.
    const { sqs, cloudwatch } = moto.clients();
    for (const QueueName of ["jobs", "jobs-dead"]) await sqs.send(new CreateQueueCommand({ QueueName }));
    const QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "jobs-dead" }))).QueueUrl;
    const JobsUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "jobs" }))).QueueUrl;
    const jobs = config([{ kind: "sqs", name: "jobs", deadLetters: "jobs-dead" }]);
    const read = (name: "queue-age" | "dead-letters", c = jobs) => queueObservation(name, c, { clients, prometheus: none });

    // Nobody waits in an empty queue; one with messages and without figures says nothing.
    expect((await read("queue-age")).reading).to.deep.equal({ known: true, value: 0 });
    await sqs.send(new SendMessageCommand({ QueueUrl: JobsUrl, MessageBody: "work" }));
    expect((await read("queue-age")).reading).to.include({ known: false });
    await cloudwatch.send(
      new PutMetricDataCommand({
        Namespace: "AWS/SQS",
        MetricData: [
          {
            MetricName: "ApproximateAgeOfOldestMessage",
            Dimensions: [{ Name: "QueueName", Value: "jobs" }],
            Timestamp: new Date(Date.now() - 90_000),
            Value: 420,
          },
        ],
      }),
    );
    const aged = await read("queue-age");
    expect(aged.reading).to.deep.equal({ known: true, value: 420 });
    expect(aged.age).to.be.at.least(60);

    expect((await read("dead-letters")).reading).to.deep.equal({ known: true, value: 0 });
    for (const body of ["a", "b"]) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    expect((await read("dead-letters")).reading).to.deep.equal({ known: true, value: 2 });
    // One that somebody looks at is still a dead letter.
    await sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 600 }));
    expect((await read("dead-letters")).reading).to.deep.equal({ known: true, value: 2 });

    const gone = config([{ kind: "sqs", name: "no-such-queue" }]);
    expect((await read("queue-age", gone)).reading).to.include({ known: false });
    expect((await read("queue-age", config([]))).reading).to.include({ known: false });
    const silent = config([
      { kind: "sqs", name: "jobs" },
      { kind: "prometheus", age: "max(queue_age)" },
    ]);
    expect((await read("queue-age", silent)).reading).to.include({ known: false });
  });
}
