import { join } from "node:path";
import { FolderStore } from "../automation/store/folderStore.js";
import { SqlStore } from "../automation/store/sqlStore.js";
import type { Store } from "../automation/store/store.js";

/** How often a service looks for migrations that nobody runs though they are under way, in milliseconds: half a lease. */
export const SWEEP_MS = 15_000;

/** How often users on the new side are looked after between steps, in milliseconds. */
export const GUARD_MS = 15_000;

export interface OpenStore {
  store: Store;
  /** Where the queue lies, for `openQueue`: beside the journals on a server, in a folder of its own otherwise. */
  queueUrl: string;
}

/** The journals of real environments: PostgreSQL where `DATABASE_URL` names one, otherwise a folder for one process. */
export async function openStore(state: string, url = process.env.DATABASE_URL): Promise<OpenStore> {
  const queue = `pglite:${join(state, "queue")}`;
  if (url === undefined || url === "") return { store: await FolderStore.open(join(state, "journal")), queueUrl: queue };
  const store = await SqlStore.open(url);
  return { store, queueUrl: store.shared ? url : queue };
}
