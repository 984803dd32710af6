import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { NotFound } from "../errors.js";
import { OUTCOME } from "./order.js";
import type { Outcome } from "./outcome.js";

export type OutcomeSummary = Pick<Outcome, "id" | "madeAt" | "stacks" | "verdict" | "reasons">;

/** Ids are made of these; a path is none. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,150}$/;

/** The rehearsals that a folder keeps, newest first; those under way or interrupted are left out. */
export async function listRehearsals(folder: string | undefined): Promise<OutcomeSummary[]> {
  const ids = folder === undefined ? [] : await readdir(folder).catch(() => []);
  const outcomes = await Promise.all(ids.map((id) => read(folder, id)));
  return outcomes
    .filter((o) => o !== undefined)
    .map(({ id, madeAt, stacks, verdict, reasons }) => ({ id, madeAt, stacks, verdict, reasons }))
    .sort((a, b) => (a.madeAt < b.madeAt ? 1 : -1));
}

/** @throws NotFound */
export async function readRehearsal(folder: string | undefined, id: string): Promise<Outcome> {
  const outcome = await read(folder, id);
  if (outcome === undefined) throw new NotFound(`There is no rehearsal ${id}.`, { next: "Make one: cutover rehearse --stack STACK" });
  return outcome;
}

async function read(folder: string | undefined, id: string): Promise<Outcome | undefined> {
  if (folder === undefined || !ID.test(id)) return undefined;
  const text = await readFile(join(folder, id, OUTCOME), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Outcome);
}
