import type { Properties } from "../backend.js";

export interface CheckFailure {
  property: string;
  reason: string;
}

/** What the real provider would reject in the inputs of a resource. */
export function checkInputs(_type: string, _inputs: Properties, _olds: Properties): CheckFailure[] {
  return [];
}
