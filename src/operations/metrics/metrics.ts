import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Definition, METRICS, type MetricName } from "./definitions.js";

type Labels = Record<string, string>;

/** The service's own metrics, in a registry of their own. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly counters = new Map<string, Counter>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly histograms = new Map<string, Histogram>();
  private readonly collectors: (() => void | Promise<void>)[] = [];

  constructor() {
    for (const [name, { type, help, labels, buckets }] of Object.entries(METRICS) as [MetricName, Definition][]) {
      const common = { name, help, labelNames: [...labels], registers: [this.registry] };
      if (type === "counter") this.counters.set(name, new Counter(common));
      else if (type === "gauge") this.gauges.set(name, new Gauge(common));
      else this.histograms.set(name, new Histogram({ ...common, ...(buckets === undefined ? {} : { buckets: [...buckets] }) }));
    }
    collectDefaultMetrics({ register: this.registry });
  }

  count(name: MetricName, labels: Labels = {}): void {
    this.counters.get(name)?.inc(labels);
  }

  observe(name: MetricName, seconds: number, labels: Labels = {}): void {
    this.histograms.get(name)?.observe(labels, seconds);
  }

  /** Replaces all values of a gauge. */
  set(name: MetricName, values: readonly [labels: Labels, value: number][]): void {
    const gauge = this.gauges.get(name);
    gauge?.reset();
    for (const [labels, value] of values) gauge?.set(labels, value);
  }

  /** Adds what brings gauges up to date whenever somebody asks. */
  onCollect(collector: () => void | Promise<void>): void {
    this.collectors.push(collector);
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** In Prometheus' text format. A gauge whose source fails has no value: an old one would be a lie. */
  async text(): Promise<string> {
    await Promise.all(this.collectors.map(async (collect) => collect()));
    return this.registry.metrics();
  }
}
