import type { IncomingHttpHeaders } from "node:http";
import { Conflict, Unauthenticated } from "../errors.js";
import { type FromElsewhere, secretValue } from "../operations/config.js";
import { SeenIds, signingKey, verifySignature } from "../operations/signatures.js";
import type { Caller, Grant } from "./caller.js";

/** A system that signs what it sends, instead of carrying a token. */
export interface WebhookSender extends Grant {
  /** Stands in the journal. */
  name: string;
  /** One secret a line: two while they are exchanged. */
  secret: FromElsewhere;
}

/** Knows senders by their signatures over the body, and each message once. */
export class WebhookSenders {
  private readonly seen = new SeenIds();

  constructor(private readonly senders: readonly WebhookSender[]) {}

  /**
   * @param body as it arrived, byte by byte
   * @throws Unauthenticated when nobody known has signed it just now, Conflict when it came before
   */
  async callerOf(headers: IncomingHttpHeaders, body: Buffer): Promise<Caller> {
    let why = "no signature matches";
    for (const { name, secret, ...grant } of this.senders) {
      const path = `webhooks.${name}.secret`;
      const keys = (await secretValue(secret, path)).split(/\s+/).map((line) => signingKey(line, path));
      const verdict = verifySignature(keys, headers, body);
      if (verdict.valid) {
        if (!this.seen.first(`${name} ${verdict.id}`)) throw new Conflict(`The message ${verdict.id} of ${name} has been here already.`);
        return { name, grants: [grant] };
      }
      why = verdict.why;
    }
    throw new Unauthenticated(`The message is not accepted: ${why}.`);
  }
}
