import type { HookAnswer } from "../../automation/journal/records.js";
import { CutoverError } from "../../errors.js";
import { redactText } from "../../lib/redact.js";
import type { HookCall } from "../../ports/hooks.js";
import { type HookConfig, type OperationsConfig, urlOf } from "../config.js";
import { signed } from "../notifications/deliver.js";
import { post } from "../outgoing/post.js";

const LONGEST = 300;

/** Asks a user's service: 2xx lets pass, 4xx refuses with its `reason`, anything else is a failure. */
export async function askHook(
  hook: HookConfig & { url: NonNullable<HookConfig["url"]> },
  call: HookCall,
  { allowHosts }: Pick<OperationsConfig, "allowHosts">,
  signal: AbortSignal,
): Promise<HookAnswer> {
  const path = `hooks.${hook.name}`;
  const body = JSON.stringify(call);
  const started = performance.now();
  try {
    const answer = await post({
      name: path,
      url: await urlOf(hook.url, `${path}.url`),
      headers: { "content-type": "application/json", accept: "application/json", ...(await signed(hook.secret, path, call.id, body)) },
      body,
      deadlineMs: hook.deadlineSeconds * 1_000,
      allowHosts,
      signal,
    });
    const reason = reasonIn(answer.body);
    if (answer.status >= 200 && answer.status < 300) return { outcome: "passed", detail: reason ?? `answered ${answer.status}` };
    if (answer.status >= 400 && answer.status < 500) return { outcome: "refused", detail: reason ?? `answered ${answer.status}` };
    return { outcome: "failed", detail: `answered ${answer.status}` };
  } catch (error) {
    if (signal.aborted || !(error instanceof CutoverError)) throw error;
    const late = performance.now() - started >= hook.deadlineSeconds * 1_000;
    return { outcome: late ? "timed-out" : "failed", detail: error.message };
  }
}

/** The member `reason` of its answer, or the `detail` of a problem document. */
function reasonIn(body: string): string | undefined {
  try {
    const { reason, detail } = JSON.parse(body) as { reason?: unknown; detail?: unknown };
    const text = typeof reason === "string" ? reason : detail;
    return typeof text === "string" && text !== "" ? redactText(text).slice(0, LONGEST) : undefined;
  } catch {
    return undefined;
  }
}
