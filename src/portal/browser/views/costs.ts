import { type ComponentChildren, h } from "preact";
import { money } from "../lib/format.js";
import type { CostsView } from "../lib/types.js";

type Amounts = NonNullable<CostsView["account"]>;

/** A month before and a month after, in all, of the application, and by service. */
export function costsPanel(costs: CostsView): ComponentChildren {
  const { account, application, services, currency = "USD", spotSavingsAMonth, evidence } = costs;
  if (!costs.known || account === undefined)
    return h("p", { class: "empty" }, "Not known yet: the step that reads the costs (optimize.cost) has not run.");
  const most = Math.max(account.before, account.after, 1);
  return h(
    "div",
    { class: "halves" },
    h(
      "section",
      { class: "card bars", "aria-label": "Cost a month" },
      h("h3", null, "Cost a month, before and after"),
      pair("Whole account", account, most, currency),
      application === undefined
        ? h("p", { class: "quiet" }, "No cost carries the application's tag.")
        : pair("Tagged with the application", application, most, currency),
      spotSavingsAMonth === undefined
        ? false
        : h("p", { class: "good" }, `Spot capacity saves ${money(spotSavingsAMonth, currency)} or more a month.`),
      evidence === undefined ? false : h("p", { class: "quiet small" }, evidence),
    ),
    services.length === 0
      ? false
      : h(
          "section",
          { class: "card bars", "aria-label": "By service" },
          h("h3", null, "By service"),
          services.map((s) => pair(s.service, s, Math.max(...services.flatMap((o) => [o.before, o.after]), 1), currency)),
        ),
  );
}

const pair = (label: string, { before, after }: Amounts, most: number, currency: string): ComponentChildren =>
  h("div", { class: "pair", key: label }, h("h4", null, label), bar("before", before, most, currency), bar("after", after, most, currency));

const bar = (which: "before" | "after", amount: number, most: number, currency: string): ComponentChildren =>
  h(
    "p",
    { class: `amount ${which}` },
    h("span", { class: "quiet" }, which),
    h("i", { "aria-hidden": "true", style: { width: `${(100 * amount) / most}%` } }),
    h("b", null, money(amount, currency)),
  );
