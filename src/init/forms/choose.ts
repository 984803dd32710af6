import { UserError } from "../../errors.js";
import { nearest } from "../../lib/nearest.js";

/** What a name of the person's stands for. @throws UserError with the nearest name */
export function requireKey<T>(path: string, got: string, among: Record<string, T>): T {
  if (Object.hasOwn(among, got)) return among[got] as T;
  const meant = nearest(got, Object.keys(among));
  throw new UserError(
    { path, got: JSON.stringify(got), accepted: `one of ${Object.keys(among).join(", ") || "none: no process is described"}` },
    meant === undefined ? {} : { next: `Did you mean ${meant}?` },
  );
}
