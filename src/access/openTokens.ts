import { join } from "node:path";
import { TokenFolder } from "./tokenFolder.js";
import type { TokenStore } from "./tokens.js";
import { TokenTable } from "./tokenTable.js";

/** The API tokens: in the PostgreSQL that `DATABASE_URL` names, otherwise in the state folder. */
export async function openTokens(state: string, url = process.env.DATABASE_URL): Promise<TokenStore> {
  return url !== undefined && /^postgres(ql)?:/.test(url) ? TokenTable.open(url) : new TokenFolder(join(state, "tokens"));
}
