/** The step whose undoing sends users back without engine, preview or cluster. */
export const EMERGENCY_EXIT = "traffic.emergency-exit";

/** What the exit cannot do by itself. */
export const SERVED_AGAIN = " There they are served once the web process has stopped here and started there.";

/** The steps that change nothing but weights, of DNS records or of target groups: `traffic.dns-25`, `traffic.groups-25`. */
export const changesWeightsAlone = (id: string): boolean => /^traffic\.(dns|groups)-/.test(id);
