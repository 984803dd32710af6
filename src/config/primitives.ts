import { z } from "zod";
import { HOST_NAME, HOST_NAME_IN_WORDS } from "./names.js";

/** The scalar types that stack config is made of. Each says in its message what is accepted. */

export const name = z
  .string()
  .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, "a lower-case DNS label, for example web-api")
  .max(40, "at most 40 characters");

export const hostName = z.string().regex(HOST_NAME, HOST_NAME_IN_WORDS);

/** A host that clients connect to: a DNS name of any depth, or an IPv4 address. */
export const endpointHost = z
  .string()
  .regex(/^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$/, "a host name or an IPv4 address without scheme or port");

export const ipv4 = z.ipv4("an IPv4 address, for example 1.2.3.4");

export const port = z
  .int("a whole number from 1 to 65535")
  .min(1, "a whole number from 1 to 65535")
  .max(65_535, "a whole number from 1 to 65535");

export const seconds = (min: number, max: number) =>
  z
    .int(`whole seconds from ${min} to ${max}`)
    .min(min, `whole seconds from ${min} to ${max}`)
    .max(max, `whole seconds from ${min} to ${max}`);

export const count = (min: number, max: number) =>
  z
    .int(`a whole number from ${min} to ${max}`)
    .min(min, `a whole number from ${min} to ${max}`)
    .max(max, `a whole number from ${min} to ${max}`);

/** A share of traffic in percent. */
export const weight = count(0, 100);

export const fraction = z.number("a number from 0 to 1").min(0, "a number from 0 to 1").max(1, "a number from 0 to 1");

/** Weights of a ramp: rising whole percentages that end at 100, so that no ramp stops half-way by mistake. */
export const ramp = (defaults: number[]) =>
  z
    .array(weight.refine((w) => w > 0, "a whole number from 1 to 100"))
    .min(1, "at least one weight; the last one is 100")
    .refine((w) => w.every((value, i) => i === 0 || value > (w[i - 1] ?? 0)), "weights that rise at every step")
    .refine((w) => w.at(-1) === 100, "weights whose last one is 100")
    .default(defaults);

/** A container image with an explicit tag or digest; `latest` is refused since a rollback could not go back to it. */
export const image = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[a-f0-9]{64})$/,
    "an image with a tag or digest, for example ghcr.io/your-org/web-api:1.0.0",
  )
  .refine((i) => !i.endsWith(":latest"), "an image with a fixed tag or digest (latest cannot be rolled back to)");

/** A Kubernetes CPU quantity, for example 250m or 1.5. */
export const cpu = z.string().regex(/^([0-9]+m|[0-9]+(\.[0-9]+)?)$/, "a CPU quantity, for example 250m or 1");

/** A Kubernetes memory quantity, for example 256Mi. */
export const memory = z.string().regex(/^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/, "a memory quantity, for example 256Mi");

export const arn = (service: string) =>
  z.string().regex(new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]*:[0-9]{12}:.+$`), `an ARN of ${service}`);

export const awsId = (prefix: string) => z.string().regex(new RegExp(`^${prefix}-[a-z0-9-]{3,}$`), `an id that starts with ${prefix}-`);

/** A CIDR block without bits beyond its prefix, which EC2's provider refuses. */
export const cidrBlock = z
  .cidrv4("a CIDR block, for example 10.1.0.0/16")
  .refine((block) => hostBits(block) === 0, "a CIDR block whose address is the network's, for example 10.1.0.0/16 and not 10.1.2.3/16");

function hostBits(block: string): number {
  const [address = "", prefix = "32"] = block.split("/");
  const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return number % 2 ** (32 - Number(prefix));
}

/** As calendars and schedules name theirs. */
export const timeZone = z.string().refine((zone) => {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}, "an IANA time zone, for example America/New_York");
