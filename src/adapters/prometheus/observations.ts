import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { StackConfig } from "../../config/schema.js";
import { Terminal, Transient } from "../../errors.js";
import { known, type ObservationName, type Reading, unknown } from "../../ports/observations.js";

export interface PrometheusOptions {
  /** For example `http://prometheus.monitoring.svc:9090`; also of anything that speaks its HTTP API. */
  url: string;
  /** File with a bearer token: read anew for each query, since tokens are rotated while a migration runs. */
  tokenFile?: string;
  /** Milliseconds until a query counts as failed. @default 10 000 */
  timeoutMs?: number;
}

/** An instant query's answer: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
const answerSchema = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("success"),
    data: z.object({ resultType: z.literal("vector"), result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
  }),
  z.object({ status: z.literal("error"), errorType: z.string(), error: z.string() }),
]);

/**
 * One instant query. @returns the value of its only element, or undefined when it has none
 * @throws Transient when Prometheus cannot be reached or is not ready, Terminal for a query that it refuses
 */
export async function query({ url, tokenFile, timeoutMs = 10_000 }: PrometheusOptions, expression: string): Promise<number | undefined> {
  const token = tokenFile === undefined ? undefined : await tokenIn(tokenFile);
  const answer = await fetch(new URL("api/v1/query", url.endsWith("/") ? url : `${url}/`), {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
    body: new URLSearchParams({ query: expression }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: Error) => {
    throw new Transient(`Prometheus at ${url} does not answer: ${(cause.cause as Error | undefined)?.message ?? cause.message}`, { cause });
  });
  const text = await answer.text();
  const parsed = answerSchema.safeParse(jsonOf(text));
  if (!parsed.success) {
    const what = `Prometheus at ${url} answered ${answer.status} with something that is no query result`;
    throw answer.status >= 500 || answer.status === 429 ? new Transient(what) : new Terminal(what);
  }
  if (parsed.data.status === "error") throw new Terminal(`Prometheus refused a query: ${parsed.data.error}`);
  const { result } = parsed.data.data;
  if (result.length > 1) throw new Terminal(`A query gave ${result.length} values where one was expected: ${expression}`);
  return result[0] === undefined ? undefined : Number(result[0].value[1]);
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

/** A reading, and how old the samples behind it are, in seconds. */
export interface Sampled {
  reading: Reading;
  ageSeconds: number;
}

/**
 * What Prometheus knows of the new side, or undefined for what it does not measure. The same expressions as the alerts.
 * No requests, and fewer than `gates.minRequests`, are unknown; so is whatever fails (promise 10). The age is that of the
 * newest sample: an instant query alone would go on with samples of five minutes ago.
 */
export async function prometheusObservation(
  options: PrometheusOptions,
  config: StackConfig,
  name: ObservationName,
  windowSeconds: number,
): Promise<Sampled | undefined> {
  const job = `job="${config.application.name}"`;
  const window = `[${windowSeconds}s]`;
  const requests = `http_requests_total{${job}}`;
  const expression = {
    // A new side without a single error has no series of errors yet.
    "error-rate": `(sum(rate(http_requests_total{${job},status=~"5.."}${window})) or vector(0)) / sum(rate(${requests}${window}))`,
    "latency-p95": `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${job}}${window})))`,
    "request-count": `sum(increase(${requests}${window}))`,
  }[name as string];
  if (expression === undefined) return undefined;
  try {
    const age = await query(options, `time() - max(timestamp(${requests}))`);
    if (age === undefined) return { reading: unknown(`Prometheus has no samples of ${requests}`), ageSeconds: 0 };
    const [value, count] = await Promise.all([query(options, expression), query(options, `sum(increase(${requests}${window}))`)]);
    return { reading: judged(value, count, name === "request-count" ? 0 : config.gates.minRequests), ageSeconds: age };
  } catch (error) {
    return { reading: unknown((error as Error).message), ageSeconds: 0 };
  }
}

function judged(value: number | undefined, count: number | undefined, least: number): Reading {
  if (count === undefined) return unknown("too few samples in the window");
  if (least > 0 && count === 0) return unknown("no requests in the window");
  if (count < least) return unknown(`only ${Math.round(count)} requests in the window`);
  return value === undefined || !Number.isFinite(value) ? unknown("the window gives no value") : known(value);
}
