/**
 * Stands for an Application Load Balancer, as a process of its own. What it does, and where AWS says so:
 *
 * - A target gets requests once one health check passed; `unhealthy` failures in a row take it out, `healthy` successes in a row put
 *   it back. Only unhealthy targets: all of them get requests.
 *   https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
 * - Only targets whose first check is not over, or that are draining: nobody gets the request, an outage.
 *   https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate
 * - A target that is deregistered gets no new request; what is under way has the deregistration delay, then its connections are
 *   closed. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
 * - 502 where a target refuses the connection or closes it before it answered, 503 where a group has no target, 504 where none
 *   answers in the idle timeout. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
 * - Weights choose a group for each request; another group does not step in for one without targets.
 *   https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
 * - Connections to targets and of clients are kept and closed when idle for the idle timeout; WebSockets are passed on.
 *
 * Not known of AWS, and so taken: a group that is deleted lets its targets drain as any other. Not there: TLS, HTTP/2, several zones.
 */
import { Agent, request as ask, createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";

export interface HealthRule {
  path: string;
  intervalMs: number;
  timeoutMs: number;
  healthy: number;
  unhealthy: number;
}

export interface Group {
  name: string;
  weight: number;
  targets: { id: string; port: number }[];
  health: HealthRule;
  deregistrationMs: number;
}

export interface BalancerTask {
  address: string;
  port: number;
  idleMs: number;
}

export interface TargetSeen {
  id: string;
  group: string;
  state: "initial" | "healthy" | "unhealthy" | "draining";
  /** Requests and connections under way. */
  open: number;
}

/** What it tells every now and then: counted since the last time, as CloudWatch would sum it up. */
export interface Told {
  requests: number;
  /** Answered 5xx, by a target or by itself. */
  errors: number;
  /** Milliseconds of each. */
  took: number[];
  weights: Record<string, number>;
  targets: TargetSeen[];
}

interface Target extends TargetSeen {
  port: number;
  agent: Agent;
  sockets: Set<Socket>;
  passes: number;
  failures: number;
  timer?: NodeJS.Timeout;
}

const TELL_MS = 100;
const { address, port, idleMs } = JSON.parse(process.argv[2] ?? "{}") as BalancerTask;
let groups: Group[] = [];
const targets = new Map<string, Target>();
let turn = 0;
const counted = { requests: 0, errors: 0, took: [] as number[] };

const keyOf = (group: string, id: string): string => `${group}/${id}`;

function set(next: Group[]): void {
  for (const target of targets.values()) {
    const stays = next.find((g) => g.name === target.group)?.targets.some((t) => t.id === target.id) === true;
    if (!stays) drain(target, groups.find((g) => g.name === target.group)?.deregistrationMs ?? 0);
  }
  groups = next;
  for (const group of groups) {
    for (const { id, port: at } of group.targets) {
      const key = keyOf(group.name, id);
      if (targets.get(key) !== undefined && targets.get(key)?.state !== "draining") continue;
      const agent = new Agent({ keepAlive: true, timeout: idleMs });
      const target: Target = {
        id,
        group: group.name,
        port: at,
        state: "initial",
        open: 0,
        agent,
        sockets: new Set(),
        passes: 0,
        failures: 0,
      };
      targets.set(key, target);
      // Its first check comes at some moment of the interval.
      target.timer = setTimeout(() => check(target), Math.random() * group.health.intervalMs);
    }
  }
}

function check(target: Target): void {
  const group = groups.find((g) => g.name === target.group);
  if (group === undefined || target.state === "draining") return;
  const { path, intervalMs, timeoutMs, healthy, unhealthy } = group.health;
  target.timer = setTimeout(() => check(target), intervalMs);
  const judged = (passed: boolean): void => {
    if (target.state === "draining") return;
    target.passes = passed ? target.passes + 1 : 0;
    target.failures = passed ? 0 : target.failures + 1;
    if (passed && (target.state === "initial" || target.passes >= healthy)) target.state = "healthy";
    if (!passed && target.failures >= unhealthy) target.state = "unhealthy";
  };
  const request = get({ host: "127.0.0.1", port: target.port, path, agent: false, timeout: timeoutMs }, (response) => {
    response.resume();
    judged(response.statusCode === 200);
  });
  request.once("timeout", () => request.destroy(new Error("no answer in time")));
  request.once("error", () => judged(false));
}

function drain(target: Target, delayMs: number): void {
  if (target.state === "draining") return;
  target.state = "draining";
  clearTimeout(target.timer);
  setTimeout(() => {
    for (const socket of target.sockets) socket.destroy();
    target.agent.destroy();
    const key = keyOf(target.group, target.id);
    if (targets.get(key) === target) targets.delete(key);
  }, delayMs);
}

/** For one request. */
function choose(): Target | undefined {
  const all = groups.reduce((sum, g) => sum + g.weight, 0);
  let left = Math.random() * all;
  const group = groups.find((g) => {
    left -= g.weight;
    return g.weight > 0 && left < 0;
  });
  if (group === undefined) return undefined;
  const registered = group.targets.map(({ id }) => targets.get(keyOf(group.name, id))).filter((t) => t !== undefined);
  const able = registered.filter((t) => t.state === "healthy");
  // It fails open where each target was found to be unhealthy.
  const open = able.length > 0 ? able : registered.every((t) => t.state === "unhealthy") ? registered : [];
  turn += 1;
  return open[turn % open.length];
}

function count(status: number, began: number): void {
  counted.requests += 1;
  if (status >= 500) counted.errors += 1;
  counted.took.push(performance.now() - began);
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const began = performance.now();
  const target = choose();
  const refuse = (status: number): void => {
    count(status, began);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    request.resume();
    response.writeHead(status, { "x-from": "balancer" });
    response.end();
  };
  if (target === undefined) {
    refuse(503);
    return;
  }
  target.open += 1;
  response.once("close", () => {
    target.open -= 1;
  });
  const { method, url: path, headers } = request;
  const onward = ask({ host: "127.0.0.1", port: target.port, method, path, headers, agent: target.agent, timeout: idleMs });
  let ended = false;
  const fail = (status: number): void => {
    if (ended) return;
    ended = true;
    refuse(status);
  };
  onward.once("socket", (socket) => {
    if (target.sockets.has(socket)) return;
    target.sockets.add(socket);
    socket.once("close", () => target.sockets.delete(socket));
  });
  onward.once("timeout", () => {
    fail(504);
    onward.destroy();
  });
  onward.once("error", () => fail(502));
  onward.once("response", (answer) => {
    if (ended) return;
    const { connection, "keep-alive": _, ...kept } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, kept);
    answer.pipe(response);
    answer.once("error", () => fail(502));
    answer.once("close", () => {
      if (ended) return;
      if (!answer.complete) return fail(502);
      ended = true;
      count(answer.statusCode ?? 502, began);
    });
  });
  request.pipe(onward);
  request.once("error", () => onward.destroy());
}

const server = createServer(serve);
server.keepAliveTimeout = idleMs;
server.requestTimeout = 0;
server.on("upgrade", (request, client: Socket, head) => {
  const began = performance.now();
  const target = choose();
  client.on("error", () => undefined);
  if (target === undefined) {
    count(503, began);
    return void client.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  target.open += 1;
  const onward = connect(target.port, "127.0.0.1");
  target.sockets.add(onward);
  let opened = false;
  onward.once("connect", () => {
    opened = true;
    count(101, began);
    const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`);
    onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    onward.write(head);
    onward.pipe(client);
    client.pipe(onward);
  });
  onward.once("error", () => {
    if (!opened) {
      count(502, began);
      client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
  });
  onward.once("close", () => {
    target.open -= 1;
    target.sockets.delete(onward);
    client.destroySoon();
  });
  client.once("close", () => onward.destroy());
  for (const side of [client, onward]) side.setTimeout(idleMs, () => side.destroy());
});

process.on("message", (next: Group[]) => set(next));
process.once("disconnect", () => process.exit(0));
server.listen(port, address, () => {
  setInterval(() => {
    const seen = [...targets.values()].map(({ id, group, state, open }) => ({ id, group, state, open }));
    const told: Told = { ...counted, weights: Object.fromEntries(groups.map((g) => [g.name, g.weight])), targets: seen };
    process.send?.(told);
    Object.assign(counted, { requests: 0, errors: 0, took: [] });
  }, TELL_MS);
});
