/** Addresses of the page's parts, behind its `#`. No stack's name begins with `~`. */
export const REHEARSALS = "~rehearsals";
export const rehearsalAddress = (id: string): string => `#/${REHEARSALS}/${encodeURIComponent(id)}`;
