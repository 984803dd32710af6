import type { ProviderFacts } from "../../ports/providers.js";
import type { ExportedState } from "./calls.js";
import type { Planned } from "./preview.js";

/** A resource of an exported state, as far as it is looked at here. */
interface Resource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown> | undefined;
  outputs?: Record<string, unknown>;
  custom?: boolean;
}

/** An exported deployment; a stack that was never updated has none. */
interface Deployment {
  resources?: Resource[];
  pending_operations?: { type: string; resource: Resource }[];
}

/** What the engine's events write in place of a secret's ciphertext. */
const HIDDEN = "[secret]";
/** How they write a value that is known once another resource exists: one mark for each kind of value. */
const NOT_KNOWN = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/**
 * Puts into a state what an interrupted update created and the state does not have, and drops its pending creates. The
 * caller refreshes, which reads how each resource really is; pending updates and deletes settle there.
 *
 * Pending operations do not name all of it. When a service is killed, its engine lives on for a second or two, and one
 * that loses the connection to a provider meanwhile takes the create under way for failed: it drops the pending
 * operation, though the far side goes on and makes the resource. Each later update then fails because it exists. So
 * every create that the update still has before it is asked for on the far side too.
 *
 * `pulumi refresh --import-pending-creates` drops the operations without taking the resources over.
 * @param planned what the interrupted update would create now
 * @returns what was done, as sentences; none when the state stays as it is
 */
export async function takeOver(
  state: ExportedState,
  planned: Planned[],
  find: (type: string, inputs: Record<string, unknown>) => Promise<string | undefined>,
  providers: Pick<ProviderFacts, "isApplied" | "besideOutputs">,
): Promise<string[]> {
  const deployment = (state.deployment ?? {}) as Deployment;
  const { resources = [], pending_operations: pending = [] } = deployment;
  const creating = pending.filter((p) => p.type === "creating").map((p) => p.resource);
  const notes: string[] = [];
  const take = async (resource: Resource): Promise<boolean> => {
    const id = await find(resource.type, resource.inputs ?? {});
    if (id === undefined || resources.some((r) => r.type === resource.type && r.id === id)) return false;
    resources.push({ ...resource, custom: true, id, outputs: { ...resource.inputs, ...providers.besideOutputs(resource.type) } });
    notes.push(`${nameOf(resource)} had been created as ${id}; it was taken over.`);
    return true;
  };
  for (const resource of creating)
    if (!(await take(resource)))
      notes.push(
        providers.isApplied(resource.type)
          ? `${nameOf(resource)} is applied again, whether or not it had been created.`
          : `${nameOf(resource)} had not been created.`,
      );
  const pendingToo = new Set(creating.map((r) => r.urn));
  for (const plan of planned)
    if (!pendingToo.has(plan.urn) && couldHaveBegun(plan, resources))
      await take({ ...plan, inputs: recorded(plan.inputs) as Resource["inputs"] });
  if (notes.length > 0) state.deployment = { ...deployment, resources, pending_operations: pending.filter((p) => p.type !== "creating") };
  if (pending.length > 0) notes.push(`${pending.length} interrupted operation${pending.length === 1 ? "" : "s"} settled.`);
  return notes;
}

/** The engine records a resource's parent and provider before it begins to create it. */
function couldHaveBegun({ urn, parent, provider }: Planned, resources: Resource[]): boolean {
  const known = (test: (r: Resource) => boolean): boolean => resources.some(test);
  return !known((r) => r.urn === urn) && known((r) => r.urn === parent) && known((r) => `${r.urn}::${r.id}` === provider);
}

const nameOf = ({ urn }: Resource): string => urn.split("::").at(-1) ?? urn;

/** Inputs of an event as a state may hold them: secrets stay sealed though nobody knows them here; the refresh fills in the rest. */
function recorded(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter(isKnown).map(recorded);
  if (typeof value !== "object" || value === null) return value;
  if ("ciphertext" in value && value.ciphertext === HIDDEN) {
    const { ciphertext, ...mark } = value;
    return { ...mark, plaintext: JSON.stringify(ciphertext) };
  }
  return Object.fromEntries(Object.entries(value).flatMap(([key, v]) => (isKnown(v) ? [[key, recorded(v)]] : [])));
}

const isKnown = (value: unknown): boolean => typeof value !== "string" || !NOT_KNOWN.has(value);
