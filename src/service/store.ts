import { join } from "node:path";
import { SqlStore } from "../automation/sqlStore.js";
import { FolderStore, type Store } from "../automation/store.js";

/** How often a service looks for migrations that another process left behind, in milliseconds: half a lease. */
export const SWEEP_MS = 15_000;

/** The journals of real environments: PostgreSQL where `DATABASE_URL` names one, otherwise a folder for one process. */
export async function openStore(state: string, url = process.env.DATABASE_URL): Promise<{ store: Store; shared: boolean }> {
  if (url !== undefined && url !== "") return { store: await SqlStore.open(url), shared: true };
  return { store: await FolderStore.open(join(state, "journal")), shared: false };
}
