import type { Evidence } from "../ports/target.js";
import type { ActionContext } from "./types.js";

const todo = async (_: ActionContext): Promise<Evidence> => ({ summary: "temporary" });
export const inventoryEntry = todo;
export const dependencyMapDocument = todo;
export const riskDocument = todo;
export const containerizeApplication = todo;
export const verifyContainer = todo;
export const costDocument = todo;
export const cleanupList = todo;
export const architectureDocument = todo;
