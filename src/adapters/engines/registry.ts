import type { StackConfig } from "../../config/schema.js";
import type { DatabaseEngineName } from "../../config/sections.js";
import type { DatabaseEngine } from "./engine.js";
import { postgresql } from "./postgresql/engine.js";

/** Each engine that a stack config can name: the compiler complains about one that nothing stands for. */
const ENGINES: Record<DatabaseEngineName, DatabaseEngine> = { postgresql };

/** The engine of a stack's databases; of a stack without one the first, which is never asked. */
export const engineOf = ({ database }: Pick<StackConfig, "database">): DatabaseEngine => ENGINES[database?.engine ?? "postgresql"];
