import { userInfo } from "node:os";
import { Conflict, NotFound, Terminal, Transient, UserError } from "../errors.js";

export interface EmergencyOptions {
  /** Address of the running service. */
  server: string;
  why: string;
  /** Seconds to watch until users are back. */
  wait: number;
}

/** What is read of the service's answers. */
interface View {
  status: string;
  dns?: { old: number; new: number };
  heldReason?: string;
  detail?: string;
  next?: string;
}

const POLL_MS = 500;

/** Users of one stack to the old side at once; then watches until stack config and records say so too. */
export async function emergency(stack: string, { server, why, wait }: EmergencyOptions): Promise<void> {
  const at = `${server.replace(/\/$/, "")}/v1/migrations/${encodeURIComponent(stack)}`;
  await ask(`${at}/emergency`, { method: "POST", body: JSON.stringify({ why }) });
  process.stderr.write(`${stack}: the emergency exit is taken; users go to the old side.\n`);
  const deadline = Date.now() + wait * 1_000;
  for (;;) {
    const { status, dns, heldReason } = await ask(at);
    if (status === "held" && dns?.new === 0) {
      process.stdout.write(`${stack}: ${dns.old} % old, ${dns.new} % new. ${heldReason ?? ""}\n`);
      return;
    }
    if (Date.now() > deadline)
      throw new Transient(`${stack} is ${status} after ${wait} s${heldReason === undefined ? "" : `: ${heldReason}`}`, {
        next: `Look at ${at}; the weights themselves were the first thing that was set.`,
      });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function ask(url: string, init: RequestInit = {}): Promise<View> {
  const headers = { "content-type": "application/json", "x-cutover-user": userInfo().username };
  const answer = await fetch(url, { ...init, headers }).catch((cause: Error) => {
    if (cause instanceof TypeError && /Invalid URL|Failed to parse/.test(cause.message))
      throw new UserError({ path: "--server", got: url, accepted: "the service's address, for example http://127.0.0.1:8080" }, { cause });
    throw new Transient(`The service at ${url} does not answer: ${(cause.cause as Error | undefined)?.message ?? cause.message}`, {
      cause,
      next: "Set the weights in Route 53 yourself: the old record's to 100 first, then the new record's to 0.",
    });
  });
  const view = (await answer.json().catch(() => ({}))) as View;
  if (answer.ok) return view;
  const message = view.detail ?? `The service answered ${answer.status}.`;
  const options = { next: view.next };
  if (answer.status === 404) throw new NotFound(message, options);
  if (answer.status === 409) throw new Conflict(message, options);
  throw new Terminal(message, options);
}
