import { Resolver } from "node:dns/promises";
import { known, type Reading, unknown } from "../../ports/observations.js";

/** A name server, by address and port. */
export interface NameServer {
  address: string;
  /** @default 53 */
  port?: number;
}

export interface DnsOptions {
  /** How often each server is asked for one reading. @default 40 */
  samples?: number;
  /** Milliseconds until a query counts as unanswered. @default 2 000 */
  timeoutMs?: number;
  /** @default "A" */
  type?: "A" | "AAAA" | "CNAME";
}

/** What one server answered for a name, query by query: the addresses (of a CNAME its target), and the TTL that it gives them. */
export interface Answers {
  server: NameServer;
  answers: { addresses: string[]; ttl: number }[];
  /** Queries without an answer, with the reason of the last. */
  failed: number;
  reason?: string;
}

const textOf = ({ address, port = 53 }: NameServer): string => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);

function resolverOf(server: NameServer, timeoutMs = 2_000): Resolver {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([textOf(server)]);
  return resolver;
}

/** Asks one server for a name again and again: a weighted name answers differently from query to query. */
export async function answersOf(
  server: NameServer,
  name: string,
  { samples = 40, timeoutMs, type = "A" }: DnsOptions = {},
): Promise<Answers> {
  const resolver = resolverOf(server, timeoutMs);
  const found: Answers = { server, answers: [], failed: 0 };
  for (let i = 0; i < samples; i += 1) {
    try {
      found.answers.push(await oneAnswer(resolver, name, type));
    } catch (error) {
      found.failed += 1;
      found.reason = (error as Error).message;
      // A server that is silent is not asked forty times.
      if (found.answers.length === 0 && found.failed >= 2) break;
    }
  }
  return found;
}

async function oneAnswer(resolver: Resolver, name: string, type: NonNullable<DnsOptions["type"]>): Promise<Answers["answers"][number]> {
  // Node tells no TTL of a CNAME.
  if (type === "CNAME") return { addresses: (await resolver.resolveCname(name)).map((t) => t.toLowerCase()), ttl: Number.NaN };
  const records = type === "A" ? await resolver.resolve4(name, { ttl: true }) : await resolver.resolve6(name, { ttl: true });
  return { addresses: records.map((r) => r.address), ttl: Math.max(...records.map((r) => r.ttl)) };
}

/** The servers that are in charge of a name: those of the nearest domain above it that has any. */
export async function authoritativeServers(name: string, through?: NameServer): Promise<NameServer[]> {
  const resolver = through === undefined ? new Resolver() : resolverOf(through);
  for (let labels = name.split("."); labels.length >= 2; labels = labels.slice(1)) {
    const servers = await resolver.resolveNs(labels.join(".")).catch(() => []);
    if (servers.length === 0) continue;
    const addresses = await Promise.all(servers.map((s) => resolver.resolve4(s).catch(() => [])));
    const port = through?.port;
    return addresses.flat().map((address) => ({ address, ...(port === undefined ? {} : { port }) }));
  }
  return [];
}

/** How far a share of samples may lie from the weight that it comes from: four standard deviations, and never nothing. */
const tolerance = (weight: number, samples: number): number =>
  4 * Math.sqrt((weight * (1 - weight)) / samples) + (weight > 0 && weight < 1 ? 1 / samples : 0);

/**
 * The weight of the new side, confirmed by what every authoritative server answers (promise 11): the weight that was
 * asked for counts only once the share of answers fits it. At 0 and 100 % no answer may be the other side's.
 * @param asked percent that the service says it has
 * @param sides addresses of each side
 */
export function confirmedWeight(asked: number, servers: Answers[], sides: { old: string[]; new: string[] }): Reading {
  if (servers.length === 0) return unknown("no authoritative name server is known");
  for (const { server, answers, failed, reason } of servers) {
    if (answers.length === 0) return unknown(`${server.address} does not answer: ${reason}`);
    if (failed > answers.length)
      return unknown(`${server.address} left ${failed} of ${failed + answers.length} queries unanswered: ${reason}`);
    const stranger = answers.flatMap((a) => a.addresses).find((a) => !sides.old.includes(a) && !sides.new.includes(a));
    if (stranger !== undefined) return unknown(`${server.address} answers with ${stranger}, which is of neither side`);
    const share = answers.filter((a) => a.addresses.some((address) => sides.new.includes(address))).length / answers.length;
    if (Math.abs(share - asked / 100) > tolerance(asked / 100, answers.length))
      return unknown(
        `${server.address} answers with the new side in ${Math.round(share * 100)} % of ${answers.length} queries, not in ${asked} %`,
      );
  }
  return known(asked);
}

/**
 * The TTL of the old side's answers, the same at every authoritative server, or unknown.
 * @param toldSeconds the TTL that the zone was told, where the old side has no weight: then no answer can show it, and none is expected
 */
export function shownTtl(servers: Answers[], oldAddresses: string[], toldSeconds?: number): Reading {
  const ttls = servers.flatMap((s) =>
    s.answers.filter((a) => a.addresses.some((address) => oldAddresses.includes(address))).map((a) => a.ttl),
  );
  const silent = servers.find((s) => s.answers.length === 0);
  if (silent !== undefined) return unknown(`${silent.server.address} does not answer: ${silent.reason}`);
  const [first] = ttls;
  if (first === undefined) return toldSeconds === undefined ? unknown("no server answers with the old side") : known(toldSeconds);
  return ttls.every((t) => t === first)
    ? known(first)
    : unknown(`the servers show different TTLs: ${[...new Set(ttls)].sort((a, b) => a - b).join(", ")} s`);
}

/**
 * How many resolvers have let go of earlier answers: what they answer is of a side that has weight now, and their TTL is
 * no longer than the record's. A resolver keeps one answer for the TTL, so a weight itself cannot be seen there.
 * @param ttlSeconds TTL of the old side's record
 */
export function resolversFollow(
  resolvers: Answers[],
  { oldAddresses, weights, ttlSeconds }: { oldAddresses: string[]; weights: { old: number; new: number }; ttlSeconds: number },
): Reading {
  const silent = resolvers.find((r) => r.answers.length === 0);
  if (silent !== undefined) return unknown(`the resolver ${silent.server.address} does not answer: ${silent.reason}`);
  const follows = ({ answers }: Answers): boolean =>
    answers.every(({ addresses, ttl }) => {
      const ofOld = addresses.some((a) => oldAddresses.includes(a));
      return ofOld ? weights.old > 0 && !(ttl > ttlSeconds) : weights.new > 0;
    });
  return resolvers.length === 0 ? unknown("no resolver is known") : known(resolvers.filter(follows).length / resolvers.length);
}
