import { sourceOf } from "../../config/sources.js";
import { type Side, unknown } from "../../ports/observations.js";
import { CLOUDWATCH_DELAY, loadBalancerRequests, NO_REQUESTS } from "../aws/requests.js";
import { canaryServiceOf, ingressHostOf } from "../kubernetes/observations.js";
import { prometheusObservation, REQUEST_SIGNALS, type RequestSignal } from "../prometheus/observations.js";
import { type Asked, each, type Measure, type Measured, type SourceParts } from "./source.js";

/** A side's requests, by the source that the config names for it. */
export const requestSource = (parts: SourceParts) => {
  const share: Measure = async (asked) => {
    const of = (side: Side): Promise<Measured> => requestsOf(parts, "request-count", { ...asked, side });
    return trafficShare(await of("new"), await of("old"));
  };
  return { ...each(REQUEST_SIGNALS, (name) => (asked) => requestsOf(parts, name, asked)), "traffic-share": share };
};

async function requestsOf(
  { clients, cluster, prometheus }: SourceParts,
  name: RequestSignal,
  { config, side = "new", windowSeconds }: Asked,
): Promise<Measured> {
  if (sourceOf(config, side) === "prometheus") {
    const { reading, ageSeconds } = await prometheusObservation(prometheus, config, name, windowSeconds, side);
    return { reading, source: "prometheus", age: ageSeconds };
  }
  const { reading, ageSeconds } = await loadBalancerRequests(
    clients,
    config,
    name,
    side,
    windowSeconds,
    Date.now(),
    () => ingressHostOf(cluster, config),
    () => canaryServiceOf(cluster, config),
  );
  // Within a minute more, by where in it one looks.
  return { reading, source: "cloudwatch", age: ageSeconds, delay: CLOUDWATCH_DELAY + 60 };
}

/** The new side's part of all requests, counted on both sides. */
function trafficShare(fresh: Measured, old: Measured): Measured {
  const source = fresh.source === old.source ? fresh.source : `${fresh.source} and ${old.source}`;
  const when = { source, age: fresh.age ?? 0, ...(fresh.delay === undefined ? {} : { delay: fresh.delay }) };
  // CloudWatch has no samples of a load balancer that gets no requests.
  const counted = ({ reading }: Measured): number | string =>
    reading.known ? reading.value : reading.reason === NO_REQUESTS ? 0 : reading.reason;
  const [here, there] = [counted(fresh), counted(old)];
  if (typeof here === "string") return { reading: unknown(`new side: ${here}`), ...when };
  if (typeof there === "string") return { reading: unknown(`old side: ${there}`), ...when };
  const total = here + there;
  return { reading: total === 0 ? unknown("no requests on either side") : { known: true, value: here / total }, ...when };
}
