import { configure } from "./elements.js";
import { h, patch, type View } from "./lib/render.js";
import { type Session, sessionOf } from "./lib/session.js";

/**
 * The service's own page: a bar, and one of the two elements by the address: `#/` is the fleet,
 * `#/web-api-production/journal` a tab of a migration.
 */
const bar = document.getElementById("bar") as HTMLElement;
const main = document.getElementById("main") as HTMLElement;
const base = new URL("./", document.baseURI).href;

type Theme = "auto" | "light" | "dark";
const stored = (key: string): string | undefined => localStorage.getItem(`cutover-${key}`) ?? undefined;
let theme: Theme = (stored("theme") as Theme | undefined) ?? "auto";
let user = stored("user") ?? "";
let session: Session;
let stopListening = (): void => {};

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
  localStorage.setItem("cutover-user", user);
  connect();
}

function connect(): void {
  stopListening();
  configure({ base, user });
  session = sessionOf({ base, token: undefined, user });
  stopListening = session.listen(() => draw());
  draw();
}

const where = (): { stack?: string; view: string } => {
  const [, stack, view = "overview"] = decodeURIComponent(location.hash).split("/");
  return stack === undefined || stack === "" ? { view } : { stack, view };
};

function draw(): void {
  const { stack, view } = where();
  patch(bar, ...barView(stack));
  document.title = stack === undefined ? "cutover" : `${stack} · cutover`;
  patch(
    main,
    stack === undefined
      ? [h("h1", { key: "title" }, "Fleet"), h("cutover-fleet", { key: "fleet" })]
      : [
          h("h1", { key: "title", class: "sr" }, stack),
          h("cutover-migration", {
            key: stack,
            stack,
            view,
          }),
        ],
  );
}

function barView(stack: string | undefined): View[] {
  return [
    h("p", { class: "brand" }, h("a", { href: "#/", class: "brand" }, h("img", { src: "icon.svg", alt: "" }), "cutover")),
    stack === undefined ? false : h("nav", { class: "crumb", "aria-label": "Where" }, h("a", { href: "#/" }, "Fleet"), ` / ${stack}`),
    h(
      "div",
      { class: "tools" },
      h("span", { class: session?.live ? "live yes" : "live no", role: "status" }, session?.live ? "Live" : "Not live"),
      session?.me !== undefined && !session.me.mayBeNamed
        ? h("span", null, `Signed in as ${session.me.name}`)
        : h(
            "label",
            null,
            "Acting as",
            h("input", {
              type: "text",
              value: user,
              maxlength: 80,
              autocomplete: "off",
              placeholder: "your name",
              onchange: (e: Event) => useName((e.target as HTMLInputElement).value),
            }),
          ),
      h(
        "label",
        null,
        "Theme",
        h(
          "select",
          { onchange: (e: Event) => useTheme((e.target as HTMLSelectElement).value as Theme) },
          (["auto", "light", "dark"] as const).map((t) => h("option", { key: t, value: t, selected: t === theme }, t)),
        ),
      ),
    ),
  ];
}

addEventListener("hashchange", () => {
  draw();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
// The address says which tab is shown, so that it can be kept and sent.
main.addEventListener("cutover-view", (event) => {
  const { stack, view } = (event as CustomEvent<{ stack: string; view: string }>).detail;
  history.replaceState(undefined, "", `#/${encodeURIComponent(stack)}/${view}`);
  draw();
});

useTheme(theme);
connect();
