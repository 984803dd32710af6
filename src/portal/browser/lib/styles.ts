/**
 * Style sheets as files, adopted by each shadow root: nothing inline, whatever policy the host page has. They lie beside the
 * bundle that this module is a part of.
 */
async function load(name: string): Promise<CSSStyleSheet> {
  const answer = await fetch(new URL(`./styles/${name}.css`, import.meta.url));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await answer.text());
  return sheet;
}

export const sheets = await Promise.all(["tokens", "base", "controls", "fleet", "migration", "charts", "details", "graph"].map(load));
