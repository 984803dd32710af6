import { Fragment, h, render } from "preact";
import { REHEARSALS } from "../lib/addresses.js";

interface Shortcut {
  key: string;
  what: string;
  run: (main: HTMLElement) => void;
}

const go = (address: string): void => {
  location.hash = address;
};

const SHORTCUTS: Shortcut[] = [
  { key: "f", what: "The fleet", run: () => go("#/") },
  { key: "r", what: "Rehearsals", run: () => go(`#/${REHEARSALS}`) },
  { key: "/", what: "Filter the fleet", run: (main) => inElement(main, "input[type=search]")?.focus() },
  { key: "n", what: "The next tab of a migration", run: (main) => beside(main, 1) },
  { key: "p", what: "The tab before", run: (main) => beside(main, -1) },
];
const HELP = "?";
const KEY = "cutover-keys";

/** In the element that the page shows. */
const inElement = (main: HTMLElement, selector: string): HTMLElement | null | undefined =>
  main.querySelector<HTMLElement>("cutover-fleet, cutover-migration, cutover-rehearsals")?.shadowRoot?.querySelector<HTMLElement>(selector);

function beside(main: HTMLElement, by: number): void {
  const tabs = [...(inElement(main, "[role=tablist]")?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
  const at = tabs.findIndex((t) => t.getAttribute("aria-selected") === "true");
  tabs[(at + by + tabs.length) % tabs.length]?.click();
}

/** Keys without a modifier are in the way of some who speak or scan to type: they can be switched off (WCAG 2.1.4). */
const areOn = (): boolean => localStorage.getItem(KEY) !== "off";

/** The sheet that names every key. */
export function shortcutSheet(): { open: () => void } {
  const dialog = document.body.appendChild(document.createElement("dialog"));
  dialog.className = "keys";
  dialog.setAttribute("aria-label", "Keys");
  const draw = (): void =>
    render(
      h(
        Fragment,
        null,
        h("h2", null, "Keys"),
        h(
          "dl",
          null,
          [...SHORTCUTS, { key: HELP, what: "This sheet" }].map(({ key, what }) => [
            h("dt", { key }, h("kbd", null, key)),
            h("dd", { key: what }, what),
          ]),
        ),
        h(
          "label",
          null,
          h("input", {
            type: "checkbox",
            checked: areOn(),
            onChange: (e: Event) => localStorage.setItem(KEY, (e.target as HTMLInputElement).checked ? "on" : "off"),
          }),
          " Keys work",
        ),
        h("p", null, h("button", { type: "button", onClick: () => dialog.close() }, "Close")),
      ),
      dialog,
    );
  return {
    open: () => {
      draw();
      if (!dialog.open) dialog.showModal();
    },
  };
}

export function listenForKeys(sheet: { open: () => void }, main: HTMLElement): void {
  addEventListener("keydown", (event) => {
    const [target] = event.composedPath() as Element[];
    const isTyping = target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
    const inDialog = (event.composedPath() as Element[]).some((e) => e instanceof HTMLElement && e.tagName === "DIALOG");
    if (isTyping || inDialog || event.ctrlKey || event.metaKey || event.altKey || !areOn()) return;
    if (event.key === HELP) sheet.open();
    const found = SHORTCUTS.find((s) => s.key === event.key);
    if (found === undefined) return;
    event.preventDefault();
    found.run(main);
  });
}
