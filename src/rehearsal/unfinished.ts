import { movedFoldersOf } from "../config/movedFolders.js";
import type { StackConfig } from "../config/schema.js";
import { shiftOf } from "../config/shift.js";
import type { RawConfig } from "../config/stackFile.js";
import { missingIn } from "../init/placeholders.js";
import type { Application } from "../inventory/csv.js";
import { ownName } from "../ports/observations.js";

/** What a rehearsal in a sandbox proves nothing about. */
export interface Unfinished {
  /** Each stands against a GO, with what to do about it. */
  open: string[];
  /** Known, decided on, and not tried. */
  notTried: string[];
}

/** Placeholders, questions, stores and users that nobody answers for. Pure. */
export function unfinishedIn(raw: RawConfig, config: StackConfig, row: Application | undefined): Unfinished {
  const missing = missingIn(raw);
  const { old, database, stores } = config;
  const isSecret = (path: string): boolean => path.startsWith("secrets.");
  const open = missing.filter((m) => !isSecret(m.path)).map((m) => `${m.path} is still open (${m.got}): ${m.hint}.`);
  const elsewhere = row?.stores.filter((s) => !s.movable && s.kind !== "S3") ?? [];
  if (database !== undefined && row !== undefined && row.stores.length > 0 && !row.stores.some((s) => s.movable))
    open.push(
      `The inventory names ${elsewhere.map((s) => JSON.stringify(s.text)).join(", ") || "no relational database"}, but the database section moves PostgreSQL on RDS only: correct one of them.`,
    );
  const isUnmoved = old !== undefined && shiftOf(config) === undefined && old.users !== "none";
  if (isUnmoved && (row?.traffic.from === "users" || config.ingress !== undefined))
    open.push(
      "No step moves its users: add a dns section for their names, or a traffic section for the load balancer that they keep, or say old.users: none where nobody reaches the old side by one.",
    );
  return {
    open,
    notTried: [
      ...missing.filter((m) => isSecret(m.path)).map((m) => `${m.path} is not set; the sandbox made one up.`),
      ...movedFoldersOf(config).map(
        ({ folder }) => `${folder} was copied in the model only: that the old fleet's commands do it, and how long it takes.`,
      ),
      ...stores.filter((s) => s.handling === "stays").map((s) => `${named(s)} stays where it is: that the new side reaches it.`),
      ...stores
        .filter((s) => s.handling === "moved-by-people")
        .map((s) => `${named(s)} is moved by people: that it is, and how it goes back.`),
      ...config.gates.own.map(
        ({ name, source, limit }) =>
          `${ownName(name)} is not evaluated: a sandbox has none of your metrics in its ${SOURCES[source]}, so it read its limit, ${limit}, but for faults. cutover doctor asks the real one.`,
      ),
      ...(isUnmoved && row?.traffic.from !== "users" ? ["Nothing says who reaches the old side, so the clean-up leaves it as it is."] : []),
    ],
  };
}

const SOURCES = { prometheus: "Prometheus", cloudwatch: "CloudWatch" } as const;

const named = ({ kind, name }: StackConfig["stores"][number]): string => (name === undefined ? kind : `${kind} (${name})`);
