import { ListTagsForResourceCommand, paginateDescribeCacheClusters } from "@aws-sdk/client-elasticache";
import { GetBucketTaggingCommand, paginateListBuckets } from "@aws-sdk/client-s3";
import { ListQueueTagsCommand, paginateListQueues } from "@aws-sdk/client-sqs";
import { type AwsClients, unlessMissing } from "./clients.js";

/** What applications use beside their database: a cache, a queue or a bucket. */
export interface ServiceRow {
  kind: "cache" | "queue" | "bucket";
  /** As the inventory's dependencies call it: Redis, Memcached, SQS, S3. */
  service: string;
  id: string;
  region: string;
  tags: Record<string, string>;
}

/** Most tags that are asked for at once: each resource's come from a call of its own. */
const AT_ONCE = 10;

type Tag = { Key?: string | undefined; Value?: string | undefined };
const tagsOf = (tags: Tag[] | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));

/** Caches, queues and buckets of one account and region, all pages. */
export async function discoverServices(clients: AwsClients): Promise<ServiceRow[]> {
  const found = await Promise.all([discoverCaches(clients), discoverQueues(clients), discoverBuckets(clients)]);
  return found.flat();
}

async function tagged<T>(items: T[], row: (item: T) => Promise<ServiceRow>): Promise<ServiceRow[]> {
  const rows: ServiceRow[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) rows.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(row))));
  return rows;
}

/** One row a cluster, whatever number of nodes; a replication group's members go by its name. */
async function discoverCaches({ elasticache, account: { region } }: AwsClients): Promise<ServiceRow[]> {
  const caches = new Map<string, { service: string; arn: string }>();
  for await (const page of paginateDescribeCacheClusters({ client: elasticache, pageSize: 100 }, {}))
    for (const { CacheClusterId = "", ReplicationGroupId, Engine, ARN = "" } of page.CacheClusters ?? [])
      caches.set(ReplicationGroupId || CacheClusterId, { service: Engine === "memcached" ? "Memcached" : "Redis", arn: ARN });
  return tagged([...caches], async ([id, { service, arn }]) => {
    const { TagList } = await elasticache.send(new ListTagsForResourceCommand({ ResourceName: arn }));
    return { kind: "cache", service, id, region, tags: tagsOf(TagList) };
  });
}

async function discoverQueues({ sqs, account: { region } }: AwsClients): Promise<ServiceRow[]> {
  const urls: string[] = [];
  for await (const page of paginateListQueues({ client: sqs, pageSize: 1_000 }, {})) urls.push(...(page.QueueUrls ?? []));
  return tagged(urls, async (url) => {
    const { Tags = {} } = await sqs.send(new ListQueueTagsCommand({ QueueUrl: url }));
    return { kind: "queue", service: "SQS", id: url.split("/").at(-1) ?? url, region, tags: Tags };
  });
}

/** Buckets belong to the account: those of other regions are left to the clients of those regions. */
async function discoverBuckets({ s3, account: { region } }: AwsClients): Promise<ServiceRow[]> {
  const names: string[] = [];
  for await (const page of paginateListBuckets({ client: s3, pageSize: 1_000 }, { BucketRegion: region }))
    for (const bucket of page.Buckets ?? []) if ((bucket.BucketRegion ?? region) === region) names.push(bucket.Name ?? "");
  return tagged(names, async (name) => {
    const answer = await unlessMissing(s3.send(new GetBucketTaggingCommand({ Bucket: name })), "NoSuchTagSet");
    return { kind: "bucket", service: "S3", id: name, region, tags: tagsOf(answer?.TagSet) };
  });
}
