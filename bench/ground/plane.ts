import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answersOf, confirmedWeight, shownTtl } from "../../src/adapters/dns/answers.js";
import type { StackConfig } from "../../src/config/schema.js";
import { Terminal } from "../../src/errors.js";
import { compared } from "../../src/ports/comparison.js";
import { known, type Observation, type ObservationName, type Reading, type Side, unknown } from "../../src/ports/observations.js";
import type { CloudPort, Target } from "../../src/ports/target.js";
import type { Properties, SandboxBackend } from "../../src/sandbox/backend.js";
import { Cluster } from "./cluster.js";
import { Names } from "./names.js";
import { MOST_WAIT_MS, realMs, SCALE, WORLD } from "./pace.js";
import { Application, Balancer, Load } from "./processes.js";
import type { Protections } from "./protections.js";

/** Addresses of loopback stand for the load balancers'; the port is the same, as users have it. */
const SIDES = { old: "127.0.1.1", fresh: "127.0.1.2" };
/** Of an alias to a load balancer, in seconds. */
const ALIAS_TTL = 60;
/** They run since long before. */
const OLD_STARTUP = 0;
const DNS_SAMPLES = 100;

export interface PlaneOptions {
  folder: string;
  host: string;
  zoneId: string;
  ports: { users: number; names: number };
  protections: Protections;
  /** Whether there is an old side that users are on; else they are on the new one from the start. */
  hasOld: boolean;
  /** How long the application takes to start. */
  startupSeconds: number;
  users: number;
  webSockets: number;
  /** Resolvers that do not keep to TTLs: one user in so many has one, and it keeps answers so many times as long. */
  late: { every: number; factor: number };
  /** Where orders are kept. @default nowhere: they are answered alone */
  ordersUrl?: string;
  /** Records of the zone, as Route 53 shows them. */
  zone: () => Promise<Properties[]>;
}

/** A regression of the new side: it begins when the weight is reached, and is mended once it goes back below. */
interface Regression {
  atPercent: number;
  failing: number;
  state: "waiting" | "active" | "over";
  /** When it began, and when the way back from it did, by this machine's clock. */
  at?: number;
  wentBackAt?: number;
}

/**
 * The real parts behind a sandbox: name server, load balancers, servers and users. What the engine and the ports change in the
 * sandbox is carried out here by real processes, and what can be measured here is measured here.
 */
export class Plane {
  /** The target's clock, once there is one. */
  now: () => number = () => 0;
  regression: Regression | undefined;
  /** When Route 53 was last told that nobody goes to the new side any more, by this machine's clock. */
  oldAgainAt = 0;
  private fleet: Application[] = [];
  private answering: { fresh: number; ttl: number };
  private asked: number;

  private constructor(
    private readonly options: PlaneOptions,
    private readonly names: Names,
    private readonly oldBalancer: Balancer | undefined,
    private readonly balancer: Balancer,
    private readonly cluster: Cluster,
    readonly load: Load,
    clock: { now: () => number },
  ) {
    clock.now = () => this.now();
    this.asked = options.hasOld ? 0 : 100;
    this.answering = { fresh: this.asked, ttl: realSeconds(ALIAS_TTL) };
  }

  static async open(options: PlaneOptions): Promise<Plane> {
    const { folder, host, ports, protections, hasOld, users, webSockets, late } = options;
    const clock = { now: () => 0 };
    const first = { fresh: hasOld ? 0 : 100, ttl: realSeconds(ALIAS_TTL) };
    const names = await Names.start(join(folder, "gdnsd"), ports.names, host, SIDES, first);
    const oldBalancer = hasOld ? new Balancer(SIDES.old, ports.users, () => clock.now()) : undefined;
    const balancer = new Balancer(SIDES.fresh, ports.users, () => clock.now());
    let load: Load | undefined;
    const cluster = new Cluster(balancer, protections, options.startupSeconds, (on) => load?.synthetic(on ? 20 : 0), options.ordersUrl);
    load = await Load.start({
      host,
      port: ports.users,
      server: names.server,
      fresh: SIDES.fresh,
      users,
      webSockets,
      lateEvery: late.every,
      lateFactor: late.factor,
      slowMs: realMs(WORLD.slow),
    });
    const plane = new Plane(options, names, oldBalancer, balancer, cluster, load, clock);
    if (oldBalancer !== undefined) await plane.startFleet(oldBalancer);
    return plane;
  }

  /** The provider's calls: the world judges them first, then they are done. */
  wrap(inner: SandboxBackend): SandboxBackend {
    return {
      create: async (ref, inputs) => {
        const answer = await inner.create(ref, inputs);
        await this.cluster.apply(ref.type, answer.id, inputs);
        await this.follow(ref.type);
        return answer;
      },
      read: (ref, id) => inner.read(ref, id),
      update: async (ref, id, olds, news) => {
        const answer = await inner.update(ref, id, olds, news);
        await this.cluster.apply(ref.type, id, news);
        await this.follow(ref.type);
        return answer;
      },
      delete: async (ref, id, olds) => {
        await this.cluster.remove(ref.type, id);
        await inner.delete(ref, id, olds);
        await this.follow(ref.type);
      },
    };
  }

  target(inner: Target, config: () => StackConfig): Target {
    this.now = () => inner.clock.now();
    const followed =
      <A extends unknown[], T>(run: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        const answer = await run(...args);
        await this.follow("aws:route53/record:Record");
        return answer;
      };
    const { cloud } = inner;
    const { weightsFirst } = this.options.protections;
    const setWeights: CloudPort["setWeights"] = (weights, effect) =>
      weightsFirst ? cloud.setWeights(weights, effect) : Promise.resolve({ summary: "Switched off in the proving ground." });
    return {
      ...inner,
      clock: {
        now: () => inner.clock.now(),
        sleepUntil: async (until, signal) => {
          const ms = this.wait(until - inner.clock.now());
          if (ms > 0) await sleep(ms, undefined, signal === undefined ? {} : { signal });
          await inner.clock.sleepUntil(until, signal);
        },
      },
      cloud: {
        ...cloud,
        adoptRecord: followed(cloud.adoptRecord),
        releaseRecord: followed(cloud.releaseRecord),
        setWeights: followed(setWeights),
        terminateInstances: async (effect) => {
          const evidence = await cloud.terminateInstances(effect);
          await this.endFleet();
          return evidence;
        },
        deleteLoadBalancer: async (effect) => {
          const evidence = await cloud.deleteLoadBalancer(effect);
          await this.oldBalancer?.close();
          return evidence;
        },
      },
      cluster: {
        ...inner.cluster,
        probeLoadBalancer: async () => {
          const evidence = await inner.cluster.probeLoadBalancer();
          const response = await fetch(`http://${SIDES.fresh}:${this.options.ports.users}/health`).catch((error: Error) => error.message);
          if (typeof response === "string" || response.status !== 200)
            throw new Terminal(`GET /health: ${typeof response === "string" ? response : response.status}`);
          return evidence;
        },
      },
      observer: {
        observe: async (name, side, windowSeconds) => {
          const observe = (measured: ObservationName, of: Side | undefined) =>
            this.observe(measured, of, windowSeconds, config(), () => inner.observer.observe(measured, of, windowSeconds));
          return (await compared(name, observe)) ?? observe(name, side);
        },
      },
    };
  }

  async close(): Promise<void> {
    await this.load.close();
    await this.cluster.close();
    await Promise.all([this.balancer.close(), this.oldBalancer?.close(), this.names.close(), ...this.fleet.map((a) => a.kill())]);
  }

  /** How long something of the world takes here. */
  private wait(ms: number): number {
    return Math.min(MOST_WAIT_MS, Math.max(0, ms / SCALE));
  }

  private async startFleet(balancer: Balancer): Promise<void> {
    this.fleet = [0, 1].map(() => new Application("old", OLD_STARTUP, this.options.ordersUrl));
    while (this.fleet.some((a) => a.port === undefined)) await sleep(20);
    const targets = this.fleet.map(({ port = 0 }, i) => ({ id: `i-${i}`, port }));
    // What a target group has when nobody sets it: a check every 30 s, five to be healthy again, two to be unhealthy.
    const health = { path: "/health", intervalMs: realMs(30), timeoutMs: 5_000, healthy: 5, unhealthy: 2 };
    balancer.set([{ name: "old", weight: 100, targets, health, deregistrationMs: realMs(300) }]);
    while (!balancer.targets.every((t) => t.state === "healthy") || balancer.targets.length === 0) await sleep(20);
  }

  /** The instances shut down: their services are told to stop, and are gone soon. */
  private async endFleet(): Promise<void> {
    for (const application of this.fleet) application.stop();
    await sleep(realMs(20));
    await Promise.all(this.fleet.map((a) => a.kill()));
  }

  /** Brings the name server to what Route 53 was told, as long after it as that may take. */
  private async follow(type: string): Promise<void> {
    if (type !== "aws:route53/record:Record") return;
    const records = await this.options.zone();
    const of = (id: string) => records.find((r) => r.setIdentifier === id);
    const weights = { old: Number(of("old-infra")?.weight ?? 0), fresh: Number(of("new-infra")?.weight ?? 0) };
    const all = weights.old + weights.fresh;
    const fresh = all === 0 ? 0 : Math.round((100 * weights.fresh) / all);
    const ttl = realSeconds(Number(of("old-infra")?.ttl ?? 0) || ALIAS_TTL);
    this.asked = fresh;
    if (fresh === this.answering.fresh && ttl === this.answering.ttl) return;
    if (fresh === 0 && this.answering.fresh > 0) this.oldAgainAt = Date.now();
    this.answering = { fresh, ttl };
    setTimeout(() => {
      void this.names.set({ fresh, ttl }).catch((error: Error) => process.emitWarning(error));
      this.regress(fresh);
    }, realMs(WORLD.dns));
  }

  private regress(fresh: number): void {
    const { regression } = this;
    if (regression === undefined) return;
    const reached = fresh >= regression.atPercent;
    if (regression.state === "waiting" && reached) {
      regression.at = Date.now();
      this.load.mark();
      this.fail(regression.failing, "active");
    } else if (regression.state === "active" && !reached) this.fail(0, "over");
  }

  private fail(failing: number, state: Regression["state"]): void {
    if (this.regression !== undefined) this.regression.state = state;
    this.cluster.fail(failing);
  }

  /** The first way back since the regression begins. */
  wentBack(): void {
    if (this.regression?.at !== undefined) this.regression.wentBackAt ??= Date.now();
  }

  /** Somebody found what it was. */
  mend(): void {
    this.fail(0, "over");
  }

  /** Puts the new side out of order at once. */
  break(failing: number): void {
    this.cluster.fail(failing);
  }

  private async observe(
    name: ObservationName,
    side: Side | undefined,
    windowSeconds: number,
    config: StackConfig,
    modelled: () => Promise<Observation>,
  ): Promise<Observation> {
    const model = await modelled();
    const reading = await this.reading(name, side ?? "new", windowSeconds, config, model);
    return reading === undefined ? model : { ...model, reading: this.judged(name, reading), source: `proving ground ${model.source}` };
  }

  /** Without gates whatever would hold a step back is as it is wanted. */
  private judged(name: ObservationName, reading: Reading): Reading {
    const { gates, readinessBeforeWeight } = this.options.protections;
    if (!gates && name in FINE) return known(FINE[name] ?? 0);
    if (!readinessBeforeWeight && READY.includes(name)) return known(1);
    return reading;
  }

  /** Measured here; undefined where the sandbox's model is all there is. */
  private async reading(
    name: ObservationName,
    side: Side,
    windowSeconds: number,
    config: StackConfig,
    { at }: Observation,
  ): Promise<Reading | undefined> {
    const balancer = side === "old" ? this.oldBalancer : this.balancer;
    const delaySeconds = Math.max(0, this.now() - at) / 1_000;
    const window = () => balancer?.rates(windowSeconds, delaySeconds) ?? { requests: 0, errors: 0, p95Seconds: 0 };
    const enough = (value: (of: ReturnType<typeof window>) => number): Reading => {
      const of = window();
      return of.requests < Math.max(1, config.gates.minRequests)
        ? unknown(of.requests === 0 ? "no requests in the window" : `only ${of.requests} requests in the window`)
        : known(value(of));
    };
    const share = (value: number | undefined, reason: string): Reading => (value === undefined ? unknown(reason) : known(value));
    switch (name) {
      case "error-rate":
        return enough((of) => of.errors / of.requests);
      case "latency-p95":
        return enough((of) => of.p95Seconds);
      case "request-count":
        return known(window().requests);
      case "traffic-share": {
        const [old, fresh] = [this.oldBalancer, this.balancer].map((b) => b?.rates(windowSeconds, delaySeconds).requests ?? 0);
        return (old ?? 0) + (fresh ?? 0) === 0 ? unknown("no requests in the window") : known((fresh ?? 0) / ((old ?? 0) + (fresh ?? 0)));
      }
      case "pods-ready":
        return share(this.cluster.ready(carrierOf(config)), "there are no such pods");
      case "green-ready":
        return share(this.cluster.ready("-green"), "there are no such pods");
      case "green-weight":
        return share(this.cluster.weightOf("-green"), "there is no load balancer");
      case "targets-healthy":
        return share(this.cluster.healthy(), "no target is registered");
      case "old-targets-healthy":
        return share(healthyOf(this.oldBalancer), "no target is registered");
      case "dns-weight-new":
        return confirmedWeight(this.asked, [await this.answers()], { old: [SIDES.old], new: [SIDES.fresh] });
      case "dns-ttl": {
        // As the adapter looks at it: a record without weight is not seen in any answer.
        const ttl = shownTtl([await this.answers()], [SIDES.old], this.asked === 100 ? this.answering.ttl : undefined);
        return ttl.known ? known(ttl.value * SCALE) : ttl;
      }
      case "dns-resolvers": {
        const { holdOld } = await this.load.snapshot();
        return this.asked < 100 ? undefined : known((3 - holdOld) / 3);
      }
      case "old-load-balancer-users": {
        const gone = this.oldBalancer === undefined || this.oldBalancer.over;
        const left = gone ? 0 : (this.oldBalancer?.since(this.now() - windowSeconds * 1_000) ?? 0);
        return known(left > config.cleanup.toleratedRequests ? left : 0);
      }
      default:
        return undefined;
    }
  }

  private answers() {
    return answersOf(this.names.server, this.options.host, { samples: DNS_SAMPLES });
  }
}

/** What a gate would like to see. */
const FINE: Partial<Record<ObservationName, number>> = { "error-rate": 0, "latency-p95": 0.001 };
const READY: ObservationName[] = ["pods-ready", "green-ready", "targets-healthy"];

const realSeconds = (seconds: number): number => Math.max(1, Math.round(seconds / SCALE));

const carrierOf = ({ strategy, application }: StackConfig): string =>
  strategy.kind !== "blue-green" ? application.name : strategy.blue ? "-blue" : "-green";

function healthyOf(balancer: Balancer | undefined): number | undefined {
  const targets = balancer?.targets.filter((t) => t.state !== "draining") ?? [];
  return targets.length === 0 ? undefined : targets.filter((t) => t.state === "healthy").length / targets.length;
}
