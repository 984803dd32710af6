import { type ComponentChildren, h } from "preact";

/** A table with a caption; the first column names the row. Nothing without rows. */
export const table = (caption: string, header: string[], rows: ComponentChildren[][]): ComponentChildren =>
  rows.length > 0 &&
  h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      null,
      h("caption", null, caption),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          header.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map(([first, ...rest]) =>
          h(
            "tr",
            null,
            h("th", { scope: "row" }, first),
            rest.map((cell) => h("td", null, cell)),
          ),
        ),
      ),
    ),
  );

export const facts = (pairs: [string, string][]): ComponentChildren =>
  h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
  );

/** With its heading, where there is anything. */
export const part = (title: string, body: ComponentChildren): ComponentChildren =>
  body !== false && !(Array.isArray(body) && body.length === 0) && [h("h3", null, title), body];
