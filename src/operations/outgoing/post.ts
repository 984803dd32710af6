import { promises as dns, type LookupAddress } from "node:dns";
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { Terminal, Transient } from "../../errors.js";
import { isPublic } from "./addresses.js";

export interface Outgoing {
  /** How the receiver is called in errors: its URL may be a secret. */
  name: string;
  url: URL;
  headers: Record<string, string>;
  body: string;
  deadlineMs: number;
  /** Hosts that may have any address, and may be asked without TLS. */
  allowHosts: readonly string[];
  signal?: AbortSignal;
  /** @default the system's resolver */
  resolve?: (host: string) => Promise<LookupAddress[]>;
}

export interface Answer {
  status: number;
  retryAfterSeconds?: number;
  /** Its first 16 kB. */
  body: string;
}

const MOST_REDIRECTS = 3;
const MOST_BYTES = 16_384;

/**
 * Posts to a receiver that a user named, such that it cannot be made to reach what only this service can: TLS, and
 * addresses of the public internet alone, checked after the name is resolved, at the address that is connected to, and
 * again on every redirect.
 * @throws Terminal when the target is not allowed, Transient when it does not answer in time
 */
export async function post(outgoing: Outgoing): Promise<Answer> {
  const deadline = AbortSignal.timeout(outgoing.deadlineMs);
  const signal = outgoing.signal === undefined ? deadline : AbortSignal.any([deadline, outgoing.signal]);
  let url = outgoing.url;
  for (let redirects = 0; ; redirects += 1) {
    requireAllowed(outgoing, url);
    const { location, ...answer } = await once(outgoing, url, signal).catch((error: Error) => {
      outgoing.signal?.throwIfAborted();
      if (error instanceof Terminal) throw error;
      const why = deadline.aborted ? `no answer within ${outgoing.deadlineMs / 1_000} s` : codeOf(error);
      throw new Transient(`${outgoing.name}: ${why}`);
    });
    if (location === undefined) return answer;
    if (redirects === MOST_REDIRECTS) throw new Terminal(`${outgoing.name}: more than ${MOST_REDIRECTS} redirects`);
    // Signatures and bodies go where the first receiver says; secrets in headers are none.
    url = new URL(location, url);
  }
}

/** What a network error may say: its message can name the URL. */
const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.name;

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");
const isListed = ({ allowHosts }: Outgoing, url: URL): boolean => allowHosts.includes(url.hostname) || allowHosts.includes(url.host);

function requireAllowed(outgoing: Outgoing, url: URL): void {
  if (isListed(outgoing, url)) return;
  if (url.protocol !== "https:")
    throw new Terminal(`${outgoing.name}: only https is allowed, unless ${url.hostname} is listed in allowHosts`);
  const host = hostOf(url);
  if (isIP(host) !== 0 && !isPublic(host)) throw notPublic(outgoing, url);
}

const notPublic = ({ name }: Outgoing, url: URL): Terminal =>
  new Terminal(`${name}: ${url.hostname} has an address that is not public`, {
    next: "List the host in allowHosts when it is meant to be reached.",
  });

function once(outgoing: Outgoing, url: URL, signal: AbortSignal): Promise<Answer & { location?: string }> {
  const { headers, body, resolve = (host: string) => dns.lookup(host, { all: true }) } = outgoing;
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new Terminal(`${outgoing.name}: only https is allowed`);
  // The address that is connected to is the one that was checked: the name is not resolved again.
  const lookup: LookupFunction = (host, options, done) => {
    resolve(host).then(
      (found) => {
        const first = found[0];
        if (first === undefined) return done(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), []);
        if (!isListed(outgoing, url) && !found.every((a) => isPublic(a.address))) return done(notPublic(outgoing, url), []);
        if (options.all === true) done(null, found);
        else done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, []),
    );
  };
  return new Promise((settle, reject) => {
    const send = url.protocol === "https:" ? overHttps : overHttp;
    const request = send(url, {
      method: "POST",
      headers: { ...headers, "content-length": Buffer.byteLength(body), "user-agent": "cutover" },
      lookup,
      signal,
      agent: false,
    });
    request.once("error", reject);
    request.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        if (text.length < MOST_BYTES) text += chunk;
      });
      response.once("error", reject);
      response.once("end", () => {
        const status = response.statusCode ?? 0;
        const retryAfter = Number(response.headers["retry-after"]);
        const { location } = response.headers;
        settle({
          status,
          body: text.slice(0, MOST_BYTES),
          ...(Number.isFinite(retryAfter) && retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}),
          // Only these keep method and body.
          ...((status === 307 || status === 308) && location !== undefined ? { location } : {}),
        });
      });
    });
    request.end(body);
  });
}
