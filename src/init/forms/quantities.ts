import { QUANTITY_UNITS } from "../../lib/quantityUnits.js";

/** Durations, sizes and ports as compose files and units write them, in the stack config's own units. */

const UNITS: Record<string, number> = {
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3_600,
  hr: 3_600,
  hour: 3_600,
  hours: 3_600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  w: 604_800,
  week: 604_800,
  weeks: 604_800,
};

/** Seconds of `1m30s`, `90` or `5min 20s`. @returns undefined for what is no duration */
export function secondsOf(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)\s*/gi)];
  if (parts.length === 0 || parts.map((p) => p[0]).join("") !== text.trim()) return undefined;
  let sum = 0;
  for (const [, number = "", unit = ""] of parts) {
    const factor = unit === "" ? 1 : UNITS[unit.toLowerCase()];
    if (factor === undefined) return undefined;
    sum += Number(number) * factor;
  }
  return sum;
}

const SIZES: Record<string, number> = { "": 1, b: 1, k: 1_024, m: 1_024 ** 2, g: 1_024 ** 3, t: 1_024 ** 4 };

/** Docker's and systemd's sizes count by 1024: `512m` is 512Mi. @returns undefined for what is no size */
export function memoryOf(text: string): string | undefined {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const bytes = number === "" ? undefined : Number(number) * (SIZES[unit.toLowerCase()] ?? 1);
  if (bytes === undefined || bytes < 1) return undefined;
  const gi = bytes / 1_024 ** 3;
  if (Number.isInteger(gi)) return `${gi}Gi`;
  const mi = bytes / 1_024 ** 2;
  return Number.isInteger(mi) ? `${mi}Mi` : String(Math.ceil(bytes));
}

/** Bytes of a Kubernetes quantity of memory. */
export function bytesOf(quantity: string): number {
  const [, number = "0", unit = ""] = /^([\d.]+)(\w*)$/.exec(quantity) ?? [];
  return Number(number) * (QUANTITY_UNITS[unit] ?? 1);
}

/** Cores of a Kubernetes quantity of CPU. */
export const coresOf = (quantity: string): number => (quantity.endsWith("m") ? Number(quantity.slice(0, -1)) / 1_000 : Number(quantity));

export interface Resources {
  requests?: { memory?: string; cpu?: string };
  limits?: { memory?: string; cpu?: string };
}

/** As in src/config/pods.ts: what is not said is these. */
const DEFAULTS = { requests: { memory: "256Mi", cpu: "250m" }, limits: { memory: "512Mi", cpu: "500m" } };

/** Kubernetes refuses a request above its limit: where only one of them is told, the default of the other gives way. */
export function fitted({ requests = {}, limits = {} }: Resources): Resources | undefined {
  const fit = { requests: { ...requests }, limits: { ...limits } };
  for (const [key, amount] of [["memory", bytesOf] as const, ["cpu", coresOf] as const]) {
    const [request, limit] = [requests[key], limits[key]];
    if (request === undefined && limit !== undefined && amount(limit) < amount(DEFAULTS.requests[key])) fit.requests[key] = limit;
    if (limit === undefined && request !== undefined && amount(request) > amount(DEFAULTS.limits[key])) fit.limits[key] = request;
  }
  const told = Object.fromEntries(Object.entries(fit).filter(([, of]) => Object.keys(of).length > 0));
  return Object.keys(told).length === 0 ? undefined : told;
}
