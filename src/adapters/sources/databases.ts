import { unknown } from "../../ports/observations.js";
import { cloudwatchLag } from "../aws/observations.js";
import { each, type Measure, type SourceParts } from "./source.js";

/** What both databases say themselves. */
export const databaseSource = ({ clients, databases }: SourceParts) => {
  const { readings, refused, source } = databases;
  /** Where the databases cannot be asked, what CloudWatch says, which is a minute or two old. */
  const lag: Measure = async ({ config }) => {
    const reading = await readings["replica-lag"]().catch((error: Error) => unknown(error.message));
    if (reading.known) return { reading, source };
    const sampled = await cloudwatchLag(clients, config, Date.now());
    if (sampled.reading.known) return { reading: sampled.reading, source: "cloudwatch", age: sampled.ageSeconds };
    return { reading: unknown(`${reading.reason}; CloudWatch: ${sampled.reading.reason}`), source: `${source} and cloudwatch` };
  };
  const lagWhereItMayGoOn: Measure = async (asked) => {
    const [why, measured] = await Promise.all([refused(), lag(asked)]);
    // Held ready, a cutover that would be refused must not be given its go.
    return why === undefined ? measured : { reading: unknown(why), source };
  };
  const others = each(["writes-stopped", "database-primary", "reverse-lag", "comparison-pause"], (name) => async () => ({
    reading: await readings[name](),
    source,
  }));
  return { "replica-lag": lagWhereItMayGoOn, ...others };
};
