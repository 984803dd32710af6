import { type GateDefinitions, noneLeft, reached } from "../definition.js";

/** What must be so before something of the old side is deleted. */
export const cleanupGates = {
  "snapshot-available": reached("snapshot-available", "the final snapshot is available"),
  "security-groups-unused": noneLeft(
    "security-groups-users",
    "no network interface that holds one of the old security groups",
    "interfaces",
  ),
} satisfies GateDefinitions;
