import type { IncomingMessage } from "node:http";

/** Bytes of the largest body that most routes take. */
export const USUAL_BYTES = 64 * 1_024;

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  Number(headers["content-length"] ?? 0) > 0 || headers["transfer-encoding"] !== undefined;

/** How much is coming, as far as the request says; one that does not say may send any amount. */
export const bytesOf = (request: IncomingMessage): number =>
  Number(request.headers["content-length"] ?? (hasBody(request) ? Number.POSITIVE_INFINITY : 0));

/** Whether so much of a request is still to come that a refusal does not wait for it: its connection ends instead. */
export const isMuchUnread = (request: IncomingMessage): boolean => !request.complete && bytesOf(request) > USUAL_BYTES;
