import { Terminal, Transient } from "../../errors.js";
import { type NotificationConfig, type OperationsConfig, secretValue, urlOf } from "../config.js";
import { post } from "../outgoing/post.js";
import { signatureHeaders, signingKey } from "../signatures.js";
import type { MigrationEvent } from "./events.js";
import { FORMATS } from "./formats.js";

/** Sends one event to one receiver. @throws Transient when trying again may help, Terminal otherwise */
export async function deliver(
  channel: NotificationConfig,
  event: MigrationEvent,
  { allowHosts }: Pick<OperationsConfig, "allowHosts">,
): Promise<void> {
  const path = `notifications.${channel.name}`;
  const { contentType, body } = FORMATS[channel.kind](event);
  const { status, retryAfterSeconds } = await post({
    name: path,
    url: await urlOf(channel.url, `${path}.url`),
    headers: { "content-type": contentType, ...(await signed(channel.secret, path, event.id, body)) },
    body,
    deadlineMs: channel.deadlineSeconds * 1_000,
    allowHosts,
  });
  if (status >= 200 && status < 300) return;
  const what = `${path} answered ${status}`;
  // Too early, too many, or the receiver's own trouble passes; any other refusal stays one.
  if (status >= 500 || status === 408 || status === 425 || status === 429)
    throw new Transient(what, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
  throw new Terminal(what);
}

/** The headers that sign a body, when there is a secret for it. */
export async function signed(
  secret: NotificationConfig["secret"],
  path: string,
  id: string,
  body: string,
): Promise<Record<string, string>> {
  return secret === undefined ? {} : signatureHeaders(signingKey(await secretValue(secret, `${path}.secret`), `${path}.secret`), id, body);
}
