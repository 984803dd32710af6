import { createHash } from "node:crypto";
import { plainName } from "../automation/journal/person.js";

/** What stands in the journal for something that a person is known by. */
export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

/** Of a name or a claim that is an e-mail address: the same for every way to write it, and for a token and an account of one human. */
export const addressIds = (name: string): string[] => (name.includes("@") ? [digestOf(`email ${plainName(name)}`)] : []);
