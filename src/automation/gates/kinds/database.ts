import { mostToCompare } from "../../../config/writePause.js";
import { EVERY_MINUTE, type GateDefinitions, noneLeft, reached, seconds } from "../definition.js";

const hours = (v: number): string => `${Math.round(v / 360) / 10} h`;

/** The replica, the promotion, the stream back, and the backups. */
export const databaseGates = {
  "replica-available": reached("replica-available", "the replica is available"),
  "replica-lag": {
    observation: "replica-lag",
    accepts: (c) => `lag below ${c.gates.maxReplicaLagSeconds} s`,
    judge: (value, c) => (value < c.gates.maxReplicaLagSeconds ? "pass" : "pending"),
    format: seconds,
  },
  "lag-zero": {
    observation: "replica-lag",
    accepts: () => "a lag of 0 s, measured after writes stopped",
    judge: (value) => (value === 0 ? "pass" : "pending"),
    format: seconds,
  },
  "database-primary": reached("database-primary", "the promoted database is a writable primary"),
  "writes-stopped": { ...reached("writes-stopped", "the old database refuses writes"), everySeconds: EVERY_MINUTE },
  "files-same": {
    ...noneLeft("files-differing", "no file that differs between the old side's disks and the volumes", "files"),
    side: "old",
  },
  "comparison-fits": {
    observation: "comparison-pause",
    accepts: (c) => `what is left to compare with writes stopped takes at most ${seconds(mostToCompare(c))}`,
    judge: (value, c) => (value <= mostToCompare(c) ? "pass" : "pending"),
    format: seconds,
    everySeconds: EVERY_MINUTE,
  },
  "reverse-lag": {
    observation: "reverse-lag",
    accepts: (c) => `the old database at most ${c.gates.maxReverseLagSeconds} s behind the promoted one`,
    judge: (value, c) => (value < 0 ? "fail" : value <= c.gates.maxReverseLagSeconds ? "pass" : "pending"),
    format: (v) => (v === -2 ? "not of all, since the schema changed" : v < 0 ? "lost" : seconds(v)),
    everySeconds: 20,
  },
  "backup-retention": {
    observation: "backup-retention",
    accepts: (c) => `backups of the new database kept for ${c.database?.backup.retentionDays} days or more`,
    judge: (value, c) => (value >= (c.database?.backup.retentionDays ?? 0) ? "pass" : "pending"),
    format: (v) => `${v} days`,
  },
  "database-protected": reached("database-protected", "the promoted database is as protected as its config says"),
  "replica-backup": {
    observation: "backup-age",
    accepts: (c) => `a completed backup of the replica, begun at most ${hours(c.database?.backup.maxAgeSeconds ?? 0)} ago`,
    judge: (value, c) => (value <= (c.database?.backup.maxAgeSeconds ?? 0) ? "pass" : "pending"),
    everySeconds: EVERY_MINUTE,
    format: hours,
  },
} satisfies GateDefinitions;
