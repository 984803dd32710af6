/** Addresses of the page's parts, behind its `#`. No stack's name begins with `~`. */
export const REHEARSALS = "~rehearsals";
export const rehearsalAddress = (id: string): string => `#/${REHEARSALS}/${encodeURIComponent(id)}`;

/** @param view what of the fleet is shown, as `textOf` writes it */
export const fleetAddress = (view: string): string => (view === "" ? "#/" : `#/?${view}`);

/** What the page shows: the fleet, unless a stack or the rehearsals are named. */
export interface Place {
  stack?: string;
  /** Of a stack the tab; of the fleet what of it is shown, empty for all. */
  view: string;
  rehearsals?: { id?: string };
}

/** What an address names: `#/?state=person` is a part of the fleet, `#/web-api-production/journal` a tab of a migration. Pure. */
export function placeOf(hash: string): Place {
  const [path = "", view = ""] = split(hash);
  const [, first = "", second = ""] = path.split("/").map(decodeURIComponent);
  if (first === REHEARSALS) return { view: "", rehearsals: second === "" ? {} : { id: second } };
  if (first === "") return { view };
  return { stack: first, view: second === "" ? "overview" : second };
}

/** A question mark may stand in what was chosen too. */
const split = (hash: string): string[] => {
  const at = hash.indexOf("?");
  return at < 0 ? [hash] : [hash.slice(0, at), hash.slice(at + 1)];
};
