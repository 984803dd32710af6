/**
 * The closed set of errors that cutover raises on purpose. Each maps once to an HTTP problem and an exit code;
 * anything else that reaches an edge is a bug and is reported as one, with a request id.
 */

export type ErrorCode =
  | "user"
  | "not-found"
  | "conflict"
  | "transient"
  | "terminal"
  | "promise-violation"
  | "unauthenticated"
  | "forbidden";

/** Process exit code of the command line for each error. 0 is success, 1 is a bug; src/cli/exitCodes.ts has the others. */
export const EXIT_CODES: Record<ErrorCode, number> = {
  user: 2,
  "not-found": 3,
  conflict: 4,
  transient: 5,
  terminal: 6,
  "promise-violation": 7,
  unauthenticated: 11,
  forbidden: 12,
};

export abstract class CutoverError extends Error {
  abstract readonly code: ErrorCode;
  /** What the person can do next, as one sentence. */
  readonly next: string | undefined;

  constructor(message: string, options: { next?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.next = options.next;
  }
}

/** One thing wrong in an input: where it stands, what stood there, what is accepted. */
export interface InputIssue {
  /** Where: a config path (`dns.weights.new`), a CSV position (`applications.csv line 3, column Critical`), a flag (`--stack`). */
  path: string;
  /** What stood there, as a short printable text; absent when nothing did. Never a secret's value. */
  got?: string;
  /** What is accepted there. */
  accepted: string;
}

/** A mistake in what a person gave: nothing was done, and the message says what to change. */
export class UserError extends CutoverError {
  readonly code = "user";
  readonly issues: InputIssue[];

  constructor(
    issues: InputIssue | InputIssue[],
    options: { summary?: string | undefined; next?: string | undefined; cause?: unknown } = {},
  ) {
    const list = Array.isArray(issues) ? issues : [issues];
    const lines = list.map((i) => `${i.path}: ${i.got === undefined ? "missing" : `got ${i.got}`}; accepted: ${i.accepted}`);
    super([...(options.summary === undefined ? [] : [options.summary]), ...lines].join("\n"), options);
    this.issues = list;
  }
}

/** The named thing does not exist. */
export class NotFound extends CutoverError {
  readonly code = "not-found";
}

/** Somebody else holds what is needed, or the state does not allow the command now. */
export class Conflict extends CutoverError {
  readonly code = "conflict";
  /** Who or what holds it: a runner id, a process, a running step. */
  readonly holder: string | undefined;

  constructor(message: string, options: { holder?: string | undefined; next?: string | undefined; cause?: unknown } = {}) {
    super(message, options);
    this.holder = options.holder;
  }
}

/** May go well when tried again after `retryAfterSeconds`. */
export class Transient extends CutoverError {
  readonly code = "transient";
  readonly retryAfterSeconds: number;

  constructor(message: string, options: { retryAfterSeconds?: number | undefined; next?: string | undefined; cause?: unknown } = {}) {
    super(message, options);
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5;
  }
}

/** Trying again cannot help. */
export class Terminal extends CutoverError {
  readonly code = "terminal";
}

/** Going on would break a numbered promise of the design. Always stops the migration. */
export class PromiseViolation extends CutoverError {
  readonly code = "promise-violation";
  readonly promise: number;

  constructor(promise: number, message: string, options: { next?: string | undefined; cause?: unknown } = {}) {
    super(`promise ${promise}: ${message}`, options);
    this.promise = promise;
  }
}

/** Unauthenticated: there is no credential, or it is not accepted. */
export class Unauthenticated extends CutoverError {
  readonly code = "unauthenticated";
}

/** Who asks is known, and may not do this. */
export class Forbidden extends CutoverError {
  readonly code = "forbidden";
}

/** A short printable form of any value for error messages: JSON, cut to 80 characters. */
export function printable(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Marks the failure of a call whose engine's state (a bucket, a folder, a service) cannot be reached: it passes without anybody. */
export const unreached = <E extends Error>(error: E): E => Object.assign(error, { unreached: true });
export const isUnreached = (error: unknown): boolean => error instanceof Error && "unreached" in error;
