import type { DraftRow } from "../init/project.js";
import type { OutputOptions } from "./cli.js";
import { say, tableOf } from "./output.js";

export interface InitOptions extends OutputOptions {
  out: string;
  region?: string;
  registry?: string;
  domain?: string;
  environment: string[];
  map: string[];
  from: string[];
  name?: string;
  web?: string;
  force?: boolean;
  discover?: boolean;
  profile: string[];
  role: string[];
  endpoint?: string;
}

export const draftsTable = (rows: DraftRow[]): string =>
  tableOf(
    ["STACK", "STRATEGY", "STEPS", "TO FILL IN"],
    rows.map((r) => [r.stack, r.strategy, r.steps, r.missing.length]),
  );

export const missingLines = (rows: DraftRow[]): string[] =>
  rows.flatMap((r) => [...(r.missing.length === 0 ? [] : ["", r.stack]), ...r.missing.map((m) => `  ${m.path}: ${m.got} (${m.hint})`)]);

export const sayRehearse = (rows: DraftRow[]): void =>
  say(`Rehearse it as it is: cutover rehearse --stack ${(rows.find((r) => r.stack.endsWith("-production")) ?? rows[0])?.stack}`);
