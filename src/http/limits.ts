import type { Request, RequestHandler } from "express";
import { ipKeyGenerator, rateLimit } from "express-rate-limit";
import type { AccessConfig } from "../config/access.js";
import { callerOfRequest } from "./authentication.js";
import { tooMany } from "./problems.js";

const MINUTE = 60_000;
const COMMON = {
  windowMs: MINUTE,
  standardHeaders: "draft-8",
  legacyHeaders: false,
  handler: tooMany,
  // Without a trusted proxy the header counts for nothing, which needs no warning.
  validate: { xForwardedForHeader: false },
} as const;

export interface Limits {
  /** For each request of a known caller. */
  requests: RequestHandler;
  /** For each credential that is not accepted. */
  failures: RequestHandler;
  /** Whether where a request comes from has used up its failures. It counts nothing. */
  isSpent: (request: Request) => Promise<boolean>;
}

/** Limits of this process: several processes allow as many times more. */
export function limitsOf({ requestsPerMinute, failuresPerMinute }: AccessConfig["limits"]): Limits {
  const keyOf = ({ ip = "" }: Pick<Request, "ip">): string => ipKeyGenerator(ip);
  const failures = rateLimit({ ...COMMON, limit: failuresPerMinute, keyGenerator: keyOf });
  return {
    requests: rateLimit({
      ...COMMON,
      limit: requestsPerMinute,
      keyGenerator: (request) => callerOfRequest(request as Request).name,
      // Whoever sends users back is not asked to wait.
      skip: (request) => /\/emergency$/.test(request.path),
    }),
    failures,
    isSpent: async (request) => ((await failures.getKey(keyOf(request)))?.totalHits ?? 0) >= failuresPerMinute,
  };
}
