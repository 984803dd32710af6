import { isNone, type Reading } from "./reading.js";

export interface Traffic {
  text: string;
  /** Requests; absent when the cell gives no such number. */
  perDay?: number;
  /** Who makes it work: users by requests, a clock or a queue, or nobody can tell. */
  from: "users" | "clock" | "queue" | "nobody" | "unknown";
}

const PER: Record<string, number> = { second: 86_400, minute: 1_440, hour: 24, day: 1, week: 1 / 7, month: 1 / 30, year: 1 / 365 };
const SPANS: [RegExp, keyof typeof PER][] = [
  [/^(s|sec|secs|second|seconds)$/, "second"],
  [/^(m|min|mins|minute|minutes)$/, "minute"],
  [/^(h|hr|hour|hours)$/, "hour"],
  [/^(d|day|days|daily)$/, "day"],
  [/^(w|week|weeks|weekly)$/, "week"],
  [/^(mo|month|months|monthly)$/, "month"],
  [/^(y|yr|year|years)$/, "year"],
];
/** Short forms that hold what is counted and how often. */
const RATES: Record<string, [string, keyof typeof PER]> = {
  rps: ["requests", "second"],
  qps: ["requests", "second"],
  tps: ["requests", "second"],
  rpm: ["requests", "minute"],
  rph: ["requests", "hour"],
  rpd: ["requests", "day"],
};
const REQUESTS = /^(req|reqs|requests?|hits?|calls?|(page ?)?views?|pv|transactions?|quer(y|ies))$/;
const PEOPLE = /^(users?|sessions?|visits?|visitors?|customers?|clients?|logins?|people|employees|concurrent users|dau|mau)$/;
const QUEUED = /^(messages?|msgs?|events?|jobs?|tasks?)$/;
const SPAN =
  "(?:min(?:ute)?s?|hours?|hrs?|h|days?|nights?|mornings?|evenings?|weeks?|weekdays?|weekends?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|months?|quarters?|years?)";
const CLOCK = new RegExp(
  `^(?:(?:hourly|daily|nightly|weekly|monthly|quarterly|yearly|annually)(?:,? (?:at|on|\\().*)?|cron.*|scheduled.*|batch.*|rate\\(.*|every (?:\\d+ ?|other )?${SPAN}.*|(?:once|twice|\\d+ ?(?:x|times)) (?:an?|per|every) ${SPAN}.*|at \\d{1,2}(?::\\d\\d)? ?(?:[ap]\\.?m\\.?|utc|gmt|h|o'clock)?|(?:[\\d*/,-]+\\s+){4,5}[\\w*?/,-]+)$`,
);
const QUEUE = /^(queue.*|event[- ]driven.*|asynchronous.*|async.*|sqs.*|consumers?( of .*)?|streams?( .*)?)$/;
/** Somebody asks it besides, whatever else the cell says. */
const ASKED =
  /\b(users?|visit(or)?s?|customers?|employees?|people|sessions?|logins?|req(uest)?s?|rps|qps|tps|rpm|hits?|calls?|views?|apis?|web(site|sockets?)?|site|portal|https?|public|ui)\b/;

/** Numbers of users or requests, in words that are not all understood: a peak, an average. */
const LOAD = /\d\s*(k|m)?\+?\s*(rps|qps|tps|rpm|req(uest)?s?|hits?|users?|visits?|visitors?|customers?|page ?views?)\b/;
const OTHERWISE = /batch|hourly|nightly|daily (job|run)|cron|every|schedul|\bjobs?\b|queue|internal|intranet|vpn|\bno\b|\bnot\b/;

/** What a cell says of an application's users, in the units that people use. Pure. */
export function readTraffic(text: string): { traffic: Traffic; reading: Omit<Reading, "column"> } {
  const lower = text
    .trim()
    .toLowerCase()
    .replace(/^(about|around|approx\.?|ca\.?|up to|~|<|>|≈)\s*/, "");
  const answer = (traffic: Omit<Traffic, "text">, as: string, confidence: Reading["confidence"], question?: string) => ({
    traffic: { text, ...traffic },
    reading: { text, as, confidence, ...(question === undefined ? {} : { question }) },
  });
  if (isNone(text) || /^(no (traffic|users|requests)|0)$/.test(lower)) return answer({ from: "nobody" }, "no requests", "sure");
  const unknown = () =>
    answer(
      { from: "unknown" },
      "unknown",
      "unsure",
      "Who uses it, and how much: requests a day (10k req/day, 50 rps), users, a schedule, a queue, or None?",
    );
  const loaded = () =>
    LOAD.test(lower) && !OTHERWISE.test(lower) ? answer({ from: "users" }, "users", "likely", "How many requests a day?") : unknown();
  const isClock = CLOCK.test(lower);
  if (isClock || QUEUE.test(lower)) {
    if (ASKED.test(lower)) return unknown();
    return isClock ? answer({ from: "clock" }, "started by a clock", "sure") : answer({ from: "queue" }, "fed by a queue", "sure");
  }
  const match = /^([\d.,'’_\s]*\d)(?:\s*(?:-|–|to)\s*([\d.,'’_]*\d))?\s*(?:(k|m|bn|thousand|million)(?![a-z]))?\s*(.*)$/.exec(lower);
  if (match === null) return loaded();
  const [, low = "", high, scale = "", rest = ""] = match;
  const amount = numberOf(high ?? low);
  if (amount === undefined) return loaded();
  const factor = { "": 1, k: 1e3, thousand: 1e3, m: 1e6, million: 1e6, bn: 1e9 }[scale] ?? 1;
  const { unit, per } = unitOf(rest);
  const many = amount.value * factor;
  if (many === 0 && unit !== undefined) return answer({ from: "nobody" }, "no requests", "sure");
  const confidence = amount.ambiguous ? "unsure" : "sure";
  const question = amount.ambiguous ? `Is ${low} ${amount.value} or ${amount.value / 1_000}?` : undefined;
  if (unit !== undefined && REQUESTS.test(unit) && per !== undefined) {
    const perDay = Math.round(many * (PER[per] ?? 1));
    return answer({ from: "users", perDay }, `${perDay} requests a day`, confidence, question);
  }
  if (unit !== undefined && PEOPLE.test(unit)) return answer({ from: "users" }, `users (${many} ${unit})`, confidence, question);
  if (unit !== undefined && QUEUED.test(unit))
    return answer({ from: "queue" }, `fed by ${unit}`, "likely", "Do they come from a queue, or by requests of users?");
  return loaded();
}

function unitOf(text: string): { unit?: string; per?: keyof typeof PER } {
  const rate = RATES[text.trim()];
  if (rate !== undefined) return { unit: rate[0], per: rate[1] };
  const [, unit = "", span = ""] =
    /^(?:(?:active|concurrent|monthly|daily|http|api|unique)\s+)*([a-z ]*?)(?:(?:\s*\/\s*|\s+(?:per|a|an|every|each)\s+)([a-z]+))?$/.exec(
      text.trim(),
    ) ?? [];
  const words = unit.trim();
  const per = SPANS.find(([is]) => is.test(span))?.[1];
  return { ...(words === "" ? {} : { unit: words }), ...(per === undefined ? {} : { per }) };
}

/** `1,000` and `1'000` are a thousand; `1.000` may be either. */
function numberOf(text: string): { value: number; ambiguous: boolean } | undefined {
  const bare = text.replace(/[\s'’_]/g, "");
  if (/^\d{1,3}(,\d{3})+(\.\d+)?$/.test(bare)) return { value: Number(bare.replaceAll(",", "")), ambiguous: false };
  if (/^\d{1,3}(\.\d{3})+$/.test(bare))
    return { value: Number(bare.replaceAll(".", "")), ambiguous: (bare.match(/\./g) ?? []).length === 1 };
  if (/^\d+([.,]\d+)?$/.test(bare)) return { value: Number(bare.replace(",", ".")), ambiguous: false };
  return undefined;
}
