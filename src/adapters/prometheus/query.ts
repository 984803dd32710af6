import { readFile } from "node:fs/promises";
import { z } from "zod";
import { Terminal, Transient } from "../../errors.js";

export interface PrometheusOptions {
  /** For example `http://prometheus.monitoring.svc:9090`; also of anything that speaks its HTTP API. */
  url: string;
  /** File with a bearer token: read again for each query, since tokens are rotated while a migration runs. */
  tokenFile?: string;
  /** Milliseconds until a query counts as failed. @default 10 000 */
  timeoutMs?: number;
}

const failedSchema = z.object({ status: z.literal("error"), errorType: z.string(), error: z.string() });

/** An instant query's answer: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
const answerSchema = z.discriminatedUnion("resultType", [
  z.object({
    resultType: z.literal("vector"),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
  }),
  z.object({ resultType: z.enum(["scalar", "matrix", "string"]) }),
]);

/** https://prometheus.io/docs/prometheus/latest/querying/api/#rules */
const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) })) })),
});

/** One element of an instant vector. */
export interface Element {
  labels: Record<string, string>;
  value: number;
}

/** An alert or recording rule that Prometheus evaluates. */
export interface LoadedRule {
  name: string;
  labels: Record<string, string>;
}

/**
 * One instant query. @returns its elements
 * @throws Transient when Prometheus cannot be reached or is not ready, Terminal for a query that it refuses or that gives something else
 */
export async function queryVector(options: PrometheusOptions, expression: string): Promise<Element[]> {
  const answer = await call(options, "api/v1/query", answerSchema, new URLSearchParams({ query: expression }));
  if (answer.resultType !== "vector")
    throw new Terminal(`A query gave a ${answer.resultType} where an instant vector was expected: ${expression}`);
  return answer.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** The value of an instant query's only element, or undefined when it has none. @throws as `queryVector` does */
export async function query(options: PrometheusOptions, expression: string): Promise<number | undefined> {
  const result = await queryVector(options, expression);
  if (result.length > 1) throw new Terminal(`A query gave ${result.length} values where one was expected: ${expression}`);
  return result[0]?.value;
}

/** The rules that Prometheus has loaded. @throws as `queryVector` does */
export async function loadedRules(options: PrometheusOptions): Promise<LoadedRule[]> {
  const { groups } = await call(options, "api/v1/rules", rulesSchema);
  return groups.flatMap((g) => g.rules);
}

async function call<T>(
  { url, tokenFile, timeoutMs = 10_000 }: PrometheusOptions,
  path: string,
  schema: z.ZodType<T>,
  body?: URLSearchParams,
): Promise<T> {
  const token = tokenFile === undefined ? undefined : await tokenIn(tokenFile);
  const answer = await fetch(new URL(path, url.endsWith("/") ? url : `${url}/`), {
    ...(body === undefined ? {} : { method: "POST", body }),
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/x-www-form-urlencoded" }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: Error) => {
    throw new Transient(`Prometheus at ${url} does not answer: ${(cause.cause as Error | undefined)?.message ?? cause.message}`, { cause });
  });
  const json = jsonOf(await answer.text());
  const failed = failedSchema.safeParse(json);
  if (failed.success) throw new Terminal(`Prometheus refused a query: ${failed.data.error}`);
  const parsed = z.object({ status: z.literal("success"), data: schema }).safeParse(json);
  if (parsed.success) return parsed.data.data;
  const what = `Prometheus at ${url} answered ${answer.status} with something that is no query result`;
  throw answer.status >= 500 || answer.status === 429 ? new Transient(what) : new Terminal(what);
}

async function tokenIn(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    const { code = "an error" } = cause as NodeJS.ErrnoException;
    throw new Terminal(`The token of Prometheus could not be read: ${file}: ${code}`, { cause });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
