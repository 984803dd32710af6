import { randomBytes } from "node:crypto";
import { Agent, type IncomingMessage, request } from "node:http";
import { SIGNATURE_HEADERS } from "../../src/operations/signatures.js";

/** Who wants the service at the same time. */
export interface CrowdTask {
  url: string;
  token: string;
  /** Portals whose connection breaks again and again. */
  viewers: number;
  /** Clients without a credential that send as much as an alert may hold. */
  senders: number;
}

/** What became of it. */
export interface CrowdAnswer {
  /** Times that a portal came back and was shown everything. */
  returns: number;
  /** Answers to those without a credential, by status; "broken" for connections that the service ended. */
  refused: Record<string, number>;
  megabytes: number;
}

/** The client's shortest pause before it connects again. */
const RECONNECT_MS = 500;
const SENT = JSON.stringify({ alerts: [], filling: randomBytes(1_024 * 1_024 - 32).toString("hex") });

const { url, token, viewers, senders } = JSON.parse(process.argv[2] ?? "{}") as CrowdTask;
const answer: CrowdAnswer = { returns: 0, refused: {}, megabytes: 0 };
const agent = new Agent({ keepAlive: true });
let going = true;

/** Reads an answer as it comes, keeping as little of it as the look needs. @returns when `isEnough`, or at its end */
function read(path: string, headers: Record<string, string>, isEnough: (tail: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(`${url}${path}`, { agent, headers: { authorization: `Bearer ${token}`, ...headers } }, (response) => {
      let tail = "";
      response.setEncoding("latin1").on("data", (text: string) => {
        answer.megabytes += text.length / 1_024 / 1_024;
        tail = (tail + text).slice(-200);
        if (!isEnough(tail)) return;
        resolve(tail);
        response.destroy();
      });
      response.once("end", () => resolve(tail));
      response.once("error", reject);
    });
    call.once("error", reject);
    call.end();
  });
}

/** Every page of the list, as a portal asks for them. */
async function list(): Promise<void> {
  for (let after = ""; ; ) {
    const tail = await read(`/v1/migrations${after}`, {}, () => false);
    const next = /"next":"([^"]+)"\}$/.exec(tail)?.[1];
    if (next === undefined) return;
    after = `?after=${next}`;
  }
}

/** A portal: its stream, from before everything and of a process that is gone, and the list beside it. */
async function view(): Promise<void> {
  while (going) {
    try {
      const stream = read("/v1/events", { "last-event-id": "00000000-0-0" }, (tail) => tail.includes(": that is all"));
      await Promise.all([stream, read("/v1/me", {}, () => false).then(list)]);
      answer.returns += 1;
    } catch {
      // It was let go: it comes back, as a portal does.
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

/** @param signed whether it says that it is signed: its body is read before anybody knows */
async function send(signed: boolean): Promise<void> {
  while (going) {
    const status = await sent(signed);
    answer.refused[status] = (answer.refused[status] ?? 0) + 1;
  }
}

function sent(signed: boolean): Promise<string> {
  return new Promise((resolve) => {
    const said = {
      [SIGNATURE_HEADERS.id]: randomBytes(8).toString("hex"),
      [SIGNATURE_HEADERS.timestamp]: String(Math.floor(Date.now() / 1_000)),
      [SIGNATURE_HEADERS.signature]: `v1,${randomBytes(32).toString("base64")}`,
    };
    const headers = { "content-type": "application/json", "content-length": SENT.length, ...(signed ? said : {}) };
    const call = request(`${url}/v1/alerts`, { agent, method: "POST", headers }, (response: IncomingMessage) => {
      response.resume().once("close", () => resolve(String(response.statusCode)));
    });
    call.once("error", () => resolve("broken"));
    call.end(SENT);
  });
}

const all = [...Array.from({ length: viewers }, view), ...Array.from({ length: senders }, (_, i) => send(i % 2 === 0))];
process.once("message", () => {
  going = false;
  process.send?.(answer);
});
process.once("SIGTERM", () => process.exit());
process.send?.({});
await Promise.all(all);
