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

/** How long until a portal that was shown everything comes back once more, in milliseconds. */
export const BACK_AFTER_MS = 10_000;
