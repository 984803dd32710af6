import { randomBytes } from "node:crypto";
import { Agent, type IncomingMessage, request } from "node:http";
import { SIGNATURE_HEADERS } from "../../src/operations/signatures.js";
import { BACK_AFTER_MS, type CrowdAnswer, type CrowdTask } from "./crowdTask.js";

const SENT = JSON.stringify({ alerts: [], filling: randomBytes(1_024 * 1_024 - 32).toString("hex") });

const { url, token, viewers, senders } = JSON.parse(process.argv[2] ?? "{}") as CrowdTask;
const answer: CrowdAnswer = { returns: 0, refused: {}, megabytes: 0 };
const agent = new Agent({ keepAlive: true });
let going = true;
/** What ends a snapshot of everything. */
const PLACE = /: that is all\nid: (\S+)\n/;

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

/**
 * A portal that was away for long: the first time its stream begins before everything; from then on, where it was when its
 * connection broke. As the portal does, it asks who it is and for what cannot be read beside it.
 */
async function view(): Promise<void> {
  let place: string | undefined;
  while (going) {
    try {
      const isAll = (tail: string): boolean => (place === undefined ? PLACE.test(tail) : tail.includes(": open"));
      const stream = read("/v1/events", { "last-event-id": place ?? "00000000-0-0" }, isAll);
      const [tail] = await Promise.all([stream, read("/v1/me", {}, never).then(() => read("/v1/migrations?limit=1", {}, never))]);
      place ??= PLACE.exec(tail)?.[1];
      answer.returns += 1;
    } catch {
      // It was let go: it comes back, as a portal does.
    }
    await new Promise((resolve) => setTimeout(resolve, BACK_AFTER_MS));
  }
}
const never = (): boolean => false;

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
