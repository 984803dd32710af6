import { type ComponentChild, Fragment, h, render } from "preact";
import { isNotifying, mayNotify, notify, useNotifications } from "./desk/notifications.js";
import { listenForKeys, shortcutSheet } from "./desk/shortcuts.js";
import { configure } from "./elements.js";
import { fleetAddress, type Place, placeOf, REHEARSALS, rehearsalAddress } from "./lib/addresses.js";
import { sessionOf } from "./lib/session.js";
import { NEEDS_SOMEBODY } from "./views/fleetChoice.js";
import { STATUS } from "./views/parts.js";

/**
 * The service's own page: a bar, and one of the elements by the address: see `placeOf`.
 */
const bar = document.getElementById("bar") as HTMLElement;
const main = document.getElementById("main") as HTMLElement;
const icon = document.querySelector("link[rel=icon]") as HTMLLinkElement;
const base = new URL("./", document.baseURI).href;

type Theme = "auto" | "light" | "dark";
const stored = (key: string): string | undefined => localStorage.getItem(`cutover-${key}`) ?? undefined;
let theme: Theme = (stored("theme") as Theme | undefined) ?? "auto";
let user = stored("user") ?? "";
/** The name as far as it is typed. */
let typed: string | undefined;
const userNow = (): string => user;
configure({ base, user: userNow });
const session = sessionOf({ base, token: undefined, user: userNow });

function useTheme(chosen: Theme): void {
  theme = chosen;
  localStorage.setItem("cutover-theme", theme);
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  draw();
}

/** The local credential does not say who a person is; the journal has to. */
function useName(name: string): void {
  user = name.trim();
  typed = undefined;
  localStorage.setItem("cutover-user", user);
  draw();
}

const where = (): Place => placeOf(location.hash);
/** What tells one page from another: not which part of the fleet is shown. */
const pageOf = ({ stack, view, rehearsals }: Place): string =>
  JSON.stringify(stack === undefined ? (rehearsals ?? "fleet") : [stack, view]);

function draw(): void {
  const place = where();
  const title = place.stack ?? (place.rehearsals === undefined ? "Fleet" : "Rehearsals");
  render(barView(place), bar);
  document.title = `${stateOf(place)}${title} · cutover`;
  icon.href = iconOf(place);
  render(h(Fragment, null, h("h1", { key: "title", class: place.stack === undefined ? "" : "sr" }, title), content(place)), main);
}

/** The icon of the tab, in the colour of what needs a person most. */
function iconOf({ stack }: Place): string {
  const one = stack === undefined ? undefined : session.migrations.get(stack);
  const tones = (one === undefined ? [...session.migrations.values()] : [one]).map((m) => STATUS[m.status].tone);
  return tones.includes("bad") ? "icon-bad.svg" : tones.includes("wait") ? "icon-wait.svg" : "icon.svg";
}

/** What a tab says that is not looked at: the state of its migration, or how many need a person. */
function stateOf({ stack, rehearsals }: Place): string {
  if (rehearsals !== undefined) return "";
  if (session.loaded && !session.live) return session.signedOut ? "Signed out: " : "Not live: ";
  if (stack !== undefined) {
    const m = session.migrations.get(stack);
    return m === undefined ? "" : `${STATUS[m.status].word}: `;
  }
  const waiting = [...session.migrations.values()].filter((m) => NEEDS_SOMEBODY.includes(m.status)).length;
  return waiting === 0 ? "" : `(${waiting}) `;
}

function content({ stack, view, rehearsals }: Place): ComponentChild {
  if (stack !== undefined) return h("cutover-migration", { key: stack, stack, view });
  if (rehearsals === undefined) return h("cutover-fleet", { key: "fleet", view });
  return h("cutover-rehearsals", { key: "rehearsals", ...(rehearsals.id === undefined ? {} : { rehearsal: rehearsals.id }) });
}

const standing = (): string => (session.live ? "Live" : session.signedOut ? "Signed out" : "Not live");

function barView({ stack, rehearsals }: Place): ComponentChild {
  const link = (href: string, text: string, here: boolean): ComponentChild =>
    h("a", { href, ...(here ? { "aria-current": "page" } : {}) }, text);
  return h(
    Fragment,
    null,
    h("p", { class: "brand" }, h("a", { href: "#/", class: "brand" }, h("img", { src: "icon.svg", alt: "" }), "cutover")),
    h(
      "nav",
      { class: "crumb", "aria-label": "Pages" },
      link("#/", "Fleet", stack === undefined && rehearsals === undefined),
      stack === undefined ? false : h("span", null, stack),
      link(`#/${REHEARSALS}`, "Rehearsals", rehearsals !== undefined),
    ),
    h(
      "div",
      { class: "tools" },
      h("button", { type: "button", class: "plain", "aria-haspopup": "dialog", onClick: () => sheet.open() }, "Keys"),
      mayNotify()
        ? h(
            "button",
            {
              type: "button",
              class: "plain",
              "aria-pressed": String(isNotifying()),
              title: "A notification of the browser when a migration begins to need a person",
              onClick: () => void useNotifications(!isNotifying()).then(draw),
            },
            isNotifying() ? "Notifying" : "Notify me",
          )
        : false,
      h("span", { class: session.live ? "live yes" : "live no", role: "status" }, standing()),
      session.signedOut ? h("a", { href: base, class: "sign-in" }, "Sign in") : false,
      session.me !== undefined && !session.me.mayBeNamed
        ? h("span", null, `Signed in as ${session.me.name}`)
        : h(
            "label",
            null,
            h("span", null, "Acting as"),
            h("input", {
              type: "text",
              value: typed ?? user,
              maxlength: 80,
              autocomplete: "off",
              placeholder: "your name",
              onInput: (e: Event) => {
                typed = (e.target as HTMLInputElement).value;
              },
              onChange: (e: Event) => useName((e.target as HTMLInputElement).value),
            }),
          ),
      h(
        "label",
        null,
        h("span", null, "Theme"),
        h(
          "select",
          { value: theme, onChange: (e: Event) => useTheme((e.target as HTMLSelectElement).value as Theme) },
          (["auto", "light", "dark"] as const).map((t) => h("option", { key: t, value: t }, t)),
        ),
      ),
    ),
  );
}

let shown = pageOf(where());
addEventListener("hashchange", () => {
  const before = shown;
  shown = pageOf(where());
  draw();
  // Another look at the same page leaves everybody where they are.
  if (shown === before) return;
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
// The address says what is shown, so that it can be kept and sent.
main.addEventListener("cutover-view", (event) => {
  const { stack, view, typed } = (event as CustomEvent<{ stack?: string; view: string; typed?: boolean }>).detail;
  const address = stack === undefined ? fleetAddress(view) : `#/${encodeURIComponent(stack)}/${view}`;
  // What was chosen in the fleet can be gone back from; each letter that is typed is no step of its own.
  if (stack === undefined && typed !== true) history.pushState(undefined, "", address);
  else history.replaceState(undefined, "", address);
  draw();
});

main.addEventListener("cutover-rehearsal", (event) => {
  event.preventDefault();
  location.hash = rehearsalAddress((event as CustomEvent<{ rehearsal: string }>).detail.rehearsal);
});

const sheet = shortcutSheet();
useTheme(theme);
listenForKeys(sheet, main);
session.listen((change) => {
  const m = change?.statusChanged === true ? session.migrations.get(change.stack) : undefined;
  if (m !== undefined && NEEDS_SOMEBODY.includes(m.status)) notify(m);
  draw();
});
