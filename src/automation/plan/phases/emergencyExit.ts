/** The step whose undoing sends users back without engine, preview or cluster. */
export const EMERGENCY_EXIT = "traffic.emergency-exit";

/** The steps that change nothing but weights, of DNS records or of target groups: `traffic.dns-25`, `traffic.groups-25`. */
export const changesWeightsAlone = (id: string): boolean => /^traffic\.(dns|groups)-/.test(id);
