import { type ComponentChildren, h } from "preact";

export interface Tab {
  id: string;
  title: string;
}

/** Tabs as the keyboard expects them: arrows, Home and End move; only the chosen one is in the order of Tab. */
export function tabs(all: readonly Tab[], chosen: string, onChoose: (id: string) => void): ComponentChildren {
  const move = (e: KeyboardEvent): void => {
    const at = all.findIndex((t) => t.id === chosen);
    const to = { ArrowRight: (at + 1) % all.length, ArrowLeft: (at + all.length - 1) % all.length, Home: 0, End: all.length - 1 }[e.key];
    const next = to === undefined ? undefined : all[to];
    if (next === undefined) return;
    e.preventDefault();
    onChoose(next.id);
    const list = e.currentTarget as HTMLElement;
    list.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return h(
    "div",
    { role: "tablist", "aria-label": "Views", onKeyDown: move },
    all.map((t) =>
      h(
        "button",
        {
          key: t.id,
          id: `tab-${t.id}`,
          type: "button",
          role: "tab",
          "aria-selected": String(t.id === chosen),
          "aria-controls": "panel",
          tabindex: t.id === chosen ? 0 : -1,
          onClick: () => onChoose(t.id),
        },
        t.title,
      ),
    ),
  );
}
