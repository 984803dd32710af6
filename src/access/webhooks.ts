import type { IncomingHttpHeaders } from "node:http";
import { Conflict, Transient, Unauthenticated } from "../errors.js";
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

/** A message of a known sender. Whoever takes it says how it ended: what was not taken may come again. */
export interface Delivery {
  caller: Caller;
  end(taken: boolean): void;
}

/** Knows senders by their signatures over the body, and takes each message once. */
export class WebhookSenders {
  private readonly seen = new SeenIds();

  constructor(private readonly senders: readonly WebhookSender[]) {}

  /**
   * @param body as it arrived, byte by byte
   * @throws Unauthenticated when nobody known has signed it just now, Conflict when it was taken before, Transient while it is
   */
  async accept(headers: IncomingHttpHeaders, body: Buffer): Promise<Delivery> {
    let why = "no signature matches";
    for (const { name, secret, ...grant } of this.senders) {
      const path = `webhooks.${name}.secret`;
      const keys = (await secretValue(secret, path)).split(/\s+/).map((line) => signingKey(line, path));
      const verdict = verifySignature(keys, headers, body);
      if (verdict.valid) {
        const id = `${name} ${verdict.id}`;
        const seen = this.seen.begin(id);
        if (seen === "taken") throw new Conflict(`The message ${verdict.id} of ${name} has been here already.`);
        if (seen === "under way") throw new Transient(`The message ${verdict.id} of ${name} is being taken just now.`);
        return { caller: { name, grants: [grant] }, end: (taken) => this.seen.end(id, taken) };
      }
      why = verdict.why;
    }
    throw new Unauthenticated(`The message is not accepted: ${why}.`);
  }
}
