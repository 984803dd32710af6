/** The users, in a process of their own: each resolves the name as its resolver does, and every answer is counted. */

import { randomUUID } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { Agent, request as ask, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { CLOSE, frame, frames, TEXT } from "./frames.js";

/** How a resolver keeps what it was told: as long as it may, or longer. */
export type ResolverKind = "ttl" | "late";
export type Operation = "read" | "write" | "slow" | "upload" | "websocket" | "name" | "synthetic";

export interface LoadTask {
  host: string;
  port: number;
  server: { address: string; port: number };
  /** Address of the new side's load balancer. */
  fresh: string;
  users: number;
  webSockets: number;
  /** Every so many users one has a resolver that keeps answers for so many times their TTL. */
  lateEvery: number;
  lateFactor: number;
  /** Milliseconds of an upload. */
  slowMs: number;
}

export type Order = { begin: true } | { ask: "snapshot" | "accepted" } | { mark: true } | { synthetic: number } | { stop: true };

export interface Failure {
  at: number;
  operation: Operation;
  what: string;
  address: string;
}

export interface Snapshot {
  seconds: number;
  sent: Record<Operation, number>;
  failures: Failure[];
  /** Answered 500 because of a regression that was put into the application. */
  injected: number;
  /** WebSockets that a server ended with a closing handshake, and those that ended without a word between two messages. */
  told: number;
  cut: number;
  /** Milliseconds from the last mark to the last answer of the new side, a user of a kind each; -1 where none came. */
  lastFresh: Record<ResolverKind, number[]>;
  /** Of three resolvers that keep to TTLs: how many hold an answer of the old side. */
  holdOld: number;
}

const TIMEOUT_MS = 10_000;
const PAUSE_MS = 1_000;
const MESSAGE_MS = 500;
const SESSION_MS = 20_000;
const task = JSON.parse(process.argv[2] ?? "{}") as LoadTask;
let began = performance.now();
const sent: Snapshot["sent"] = { read: 0, write: 0, slow: 0, upload: 0, websocket: 0, name: 0, synthetic: 0 };
const failures: Failure[] = [];
let injected = 0;
/** Ids of the writes and uploads that were answered 200. */
const accepted: string[] = [];
let told = 0;
let cut = 0;
let markedAt = began;
let synthetic = 0;
let stopped = false;

const resolver = new Resolver({ timeout: 2_000, tries: 2 });
resolver.setServers([`${task.server.address}:${task.server.port}`]);

function fail(operation: Operation, what: string, address: string): void {
  failures.push({ at: Date.now(), operation, what, address });
}

/** A stub with the cache of the resolver behind it. */
class Name {
  address = "";
  private until = 0;
  /** Last answer by the new side, in milliseconds of this process. */
  lastFresh = -1;

  constructor(readonly kind: ResolverKind) {}

  get holdsOld(): boolean {
    return this.address !== "" && this.address !== task.fresh && performance.now() < this.until;
  }

  async resolve(): Promise<string> {
    if (performance.now() < this.until) return this.address;
    sent.name += 1;
    try {
      const [answer] = await resolver.resolve4(task.host, { ttl: true });
      if (answer === undefined) throw new Error("no address");
      this.address = answer.address;
      const keptMs = answer.ttl * 1_000 * (this.kind === "late" ? task.lateFactor : 1);
      // Of its first answer a part is over: resolvers do not ask all at the same moment.
      this.until = performance.now() + keptMs * (this.until === 0 ? Math.random() : 1);
    } catch (error) {
      fail("name", (error as Error).message, "");
    }
    return this.address;
  }

  answered(): void {
    if (this.address === task.fresh) this.lastFresh = performance.now();
  }
}

interface Asking {
  method: string;
  path: string;
  send: (to: ReturnType<typeof ask>) => void;
}

interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

/** One request to its end, or the reason why it has none. */
function call(address: string, agent: Agent, { method, path, send }: Asking, order?: string): Promise<Answer> {
  const headers = { host: task.host, ...(order === undefined ? {} : { "x-order": order }) };
  return new Promise((resolve, reject) => {
    const request = ask({ host: address, port: task.port, method, path, agent, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.once("error", reject);
      response.once("close", () => {
        clearTimeout(timer);
        if (response.complete) resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        else reject(new Error("the answer was cut off"));
      });
    });
    const timer = setTimeout(() => request.destroy(new Error("no answer in time")), TIMEOUT_MS);
    request.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    send(request);
  });
}

const ROW = JSON.stringify({ row: "x".repeat(200) });
const CHUNK = "y".repeat(4_096);
const CHUNKS = 8;

/** A body that comes bit by bit. */
async function dribble(request: ReturnType<typeof ask>): Promise<void> {
  for (let i = 0; i < CHUNKS && !request.destroyed; i += 1) {
    request.write(CHUNK);
    await sleep(task.slowMs / CHUNKS);
  }
  request.end();
}

interface Kind extends Asking {
  operation: Operation;
  /** Of all requests, this one's and those before it. */
  share: number;
  /** Of the body. */
  bytes: number;
}

const OPERATIONS: Kind[] = [
  { operation: "slow", share: 0.05, method: "GET", path: "/slow", bytes: 0, send: (r) => r.end() },
  { operation: "upload", share: 0.1, method: "POST", path: "/upload", bytes: CHUNK.length * CHUNKS, send: (r) => void dribble(r) },
  { operation: "write", share: 0.35, method: "POST", path: "/rows", bytes: ROW.length, send: (r) => r.end(ROW) },
  { operation: "read", share: 1, method: "GET", path: "/", bytes: 0, send: (r) => r.end() },
];

async function user(name: Name): Promise<void> {
  await sleep(Math.random() * PAUSE_MS);
  let agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let of = "";
  while (!stopped) {
    const address = await name.resolve();
    if (address !== of) {
      agent.destroy();
      agent = new Agent({ keepAlive: true, maxSockets: 1 });
      of = address;
    }
    const dice = Math.random();
    const chosen = OPERATIONS.find(({ share }) => dice < share);
    if (chosen === undefined || address === "") continue;
    const { operation, bytes } = chosen;
    const order = bytes > 0 ? randomUUID() : undefined;
    sent[operation] += 1;
    try {
      const { status, headers, body } = await call(address, agent, chosen, order);
      name.answered();
      if (status === 500 && headers["x-injected"] === "1") injected += 1;
      else if (status !== 200) fail(operation, `answered ${status}`, address);
      else if ((JSON.parse(body) as { bytes: number }).bytes !== bytes) fail(operation, "an answer to something else", address);
      else if (order !== undefined) accepted.push(order);
    } catch (error) {
      fail(operation, (error as Error).message, address);
    }
    await sleep(PAUSE_MS * (0.5 + Math.random()));
  }
  agent.destroy();
}

async function talker(name: Name): Promise<void> {
  await sleep(Math.random() * PAUSE_MS);
  while (!stopped) {
    const address = await name.resolve();
    if (address === "") continue;
    sent.websocket += 1;
    const problem = await session(address).catch((error: Error) => error.message);
    if (problem !== undefined) {
      fail("websocket", problem, address);
      await sleep(100);
    }
  }
}

/** @returns what went wrong */
function session(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket: Socket = connect(task.port, address);
    let open = false;
    let waiting = 0;
    let farewell = false;
    let head = "";
    const end = setTimeout(
      () => {
        farewell = true;
        socket.write(frame(CLOSE, Buffer.from([0x03, 0xe8]), true));
      },
      SESSION_MS * (0.5 + Math.random()),
    );
    const late = setTimeout(() => socket.destroy(new Error("no answer in time")), TIMEOUT_MS);
    const messages = setInterval(() => {
      if (!open || farewell || waiting > 0) return;
      waiting = 1;
      sent.websocket += 1;
      socket.write(frame(TEXT, Buffer.from("hello"), true));
    }, MESSAGE_MS);
    const done = (problem?: string): void => {
      clearTimeout(end);
      clearTimeout(late);
      clearInterval(messages);
      socket.destroy();
      resolve(problem);
    };
    const take = frames((opcode) => {
      if (opcode === TEXT) waiting = 0;
      if (opcode !== CLOSE) return;
      // Whoever was told so asks elsewhere again what was not answered.
      if (!farewell) told += 1;
      done();
    });
    socket.once("connect", () =>
      socket.write(
        `GET /ws HTTP/1.1\r\nHost: ${task.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      ),
    );
    socket.on("data", (chunk) => {
      if (open) return take(chunk);
      head += chunk.toString("latin1");
      const at = head.indexOf("\r\n\r\n");
      if (at < 0) return;
      clearTimeout(late);
      if (!head.startsWith("HTTP/1.1 101")) return done(`answered ${head.slice(9, 12)}`);
      open = true;
      take(Buffer.from(head.slice(at + 4), "latin1"));
    });
    socket.once("error", (error) => done(!open || waiting > 0 ? error.message : undefined));
    socket.once("close", () => {
      if (!open) return done("the connection was closed");
      if (!farewell) cut += 1;
      done(waiting > 0 ? "a message without an answer" : undefined);
    });
  });
}

/** What the Job of synthetic requests does: asks the new load balancer for its health page. */
async function asksByItself(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (!stopped) {
    if (synthetic === 0) {
      await sleep(100);
      continue;
    }
    sent.synthetic += 1;
    await call(task.fresh, agent, { method: "GET", path: "/health", send: (r) => r.end() }).then(
      ({ status }) => void (status === 200 || fail("synthetic", `answered ${status}`, task.fresh)),
      (error: Error) => fail("synthetic", error.message, task.fresh),
    );
    await sleep(1_000 / synthetic);
  }
}

const names = Array.from({ length: task.users }, (_, i) => new Name(i % task.lateEvery === task.lateEvery - 1 ? "late" : "ttl"));
const all = [asksByItself()];

function snapshot(): Snapshot {
  const of = (kind: ResolverKind) =>
    names.filter((n) => n.kind === kind).map((n) => (n.lastFresh < markedAt ? -1 : Math.round(n.lastFresh - markedAt)));
  const holdOld = names
    .filter((n) => n.kind === "ttl")
    .slice(0, 3)
    .filter((n) => n.holdsOld).length;
  const seconds = (performance.now() - began) / 1_000;
  return { seconds, sent, failures, injected, told, cut, lastFresh: { ttl: of("ttl"), late: of("late") }, holdOld };
}

process.on("message", (order: Order) => {
  if ("begin" in order) {
    all.push(...names.map((name) => user(name)), ...Array.from({ length: task.webSockets }, () => talker(new Name("ttl"))));
    began = performance.now();
  }
  if ("ask" in order) process.send?.(order.ask === "snapshot" ? snapshot() : accepted);
  if ("mark" in order) markedAt = performance.now();
  if ("synthetic" in order) synthetic = order.synthetic;
  if ("stop" in order) {
    stopped = true;
    void Promise.all(all).then(() => process.send?.(snapshot()));
  }
});
process.once("disconnect", () => process.exit(0));
process.send?.({ ready: true });
